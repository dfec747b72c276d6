package ask

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Conversation is turns in order, oldest first.
type Conversation struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"` // the first question, shortened
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Turns   []Turn    `json:"turns"`
}

// ConversationInfo is a conversation without its turns.
type ConversationInfo struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Turns   int       `json:"turns"`
}

// ErrNoConversation is returned for an ID that no conversation has.
var ErrNoConversation = errors.New("no such conversation")

// Conversations keeps conversations as one JSON file each in Dir, readable by
// their owner only. It is safe for concurrent use within a process; of two
// processes that append to one conversation at the same moment, the later wins.
type Conversations struct {
	Dir string

	mu sync.Mutex
}

var conversationID = regexp.MustCompile(`^[0-9a-z][0-9a-z-]{0,63}$`)

// NewConversationID returns an ID that sorts by time.
func NewConversationID(now time.Time) string {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return now.UTC().Format("20060102-150405") + "-" + hex.EncodeToString(b[:])
}

func (c *Conversations) file(id string) (string, error) {
	if !conversationID.MatchString(id) {
		return "", fmt.Errorf("conversation %q: %w", id, ErrNoConversation)
	}
	return filepath.Join(c.Dir, id+".json"), nil
}

// Get returns a conversation, or an error wrapping ErrNoConversation.
func (c *Conversations) Get(id string) (*Conversation, error) {
	file, err := c.file(id)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("conversation %q: %w", id, ErrNoConversation)
	}
	if err != nil {
		return nil, fmt.Errorf("read conversation: %w", err)
	}
	out := &Conversation{}
	if err := json.Unmarshal(b, out); err != nil {
		return nil, fmt.Errorf("read conversation %s: %w", file, err)
	}
	out.ID = id
	return out, nil
}

// List returns all conversations, the one used last first. Files that cannot be
// read are left out. A missing Dir holds none.
func (c *Conversations) List() ([]ConversationInfo, error) {
	entries, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []ConversationInfo{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list conversations: %w", err)
	}
	out := []ConversationInfo{}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		if conv, err := c.Get(id); err == nil {
			out = append(out, ConversationInfo{ID: id, Title: conv.Title, Created: conv.Created, Updated: conv.Updated, Turns: len(conv.Turns)})
		}
	}
	slices.SortFunc(out, func(a, b ConversationInfo) int {
		return cmp.Or(b.Updated.Compare(a.Updated), cmp.Compare(b.ID, a.ID))
	})
	return out, nil
}

// Latest returns the conversation used last, or an error wrapping
// ErrNoConversation when there is none.
func (c *Conversations) Latest() (*Conversation, error) {
	all, err := c.List()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("continue a conversation: %w", ErrNoConversation)
	}
	return c.Get(all[0].ID)
}

// Append adds a turn and writes the conversation; the first turn begins it.
func (c *Conversations) Append(id string, t Turn) (*Conversation, error) {
	file, err := c.file(id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	conv, err := c.Get(id)
	if errors.Is(err, ErrNoConversation) {
		conv = &Conversation{ID: id, Title: titleOf(t.Question), Created: t.At}
	} else if err != nil {
		return nil, err
	}
	conv.Turns = append(conv.Turns, t)
	conv.Updated = t.At
	if err := c.write(file, conv); err != nil {
		return nil, fmt.Errorf("write conversation: %w", err)
	}
	return conv, nil
}

// write replaces the file as a whole.
func (c *Conversations) write(file string, conv *Conversation) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	b, err := json.MarshalIndent(conv, "", "  ")
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(c.Dir, ".conversation-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(append(b, '\n'))
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

// Remove deletes a conversation, or returns an error wrapping ErrNoConversation.
func (c *Conversations) Remove(id string) error {
	file, err := c.file(id)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err = os.Remove(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("conversation %q: %w", id, ErrNoConversation)
	}
	if err != nil {
		return fmt.Errorf("remove conversation: %w", err)
	}
	return nil
}

// Rename gives a conversation another title, shortened like a first question, or
// returns an error wrapping ErrNoConversation.
func (c *Conversations) Rename(id, title string) (*Conversation, error) {
	file, err := c.file(id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	conv, err := c.Get(id)
	if err != nil {
		return nil, err
	}
	conv.Title = titleOf(title)
	if err := c.write(file, conv); err != nil {
		return nil, fmt.Errorf("rename conversation: %w", err)
	}
	return conv, nil
}

func titleOf(question string) string {
	line := strings.Join(strings.Fields(question), " ")
	if r := []rune(line); len(r) > 60 {
		line = string(r[:59]) + "…"
	}
	return line
}

// Markdown writes the conversation for reading, each answer followed by the
// quotes that its markers mean.
func (c *Conversation) Markdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "# %s\n", inline(c.Title))
	for _, t := range c.Turns {
		fmt.Fprintf(b, "\n## %s\n\n", inline(t.Question))
		if t.Standalone != "" {
			fmt.Fprintf(b, "*%s*\n\n", inline(t.Standalone))
		}
		for _, line := range strings.Split(t.Answer, "\n") {
			fmt.Fprintf(b, "%s\n\n", inline(line))
		}
		for _, s := range t.Sources {
			at := ""
			if s.Page > 0 {
				at = fmt.Sprintf(", p. %d", s.Page)
			} else if s.Lines[0] > 0 {
				at = fmt.Sprintf(", line %d", s.Lines[0])
			}
			fmt.Fprintf(b, "> [%d] %s%s\n>\n> %s\n\n", s.Marker, inline(s.Document), at, strings.ReplaceAll(escapeHTML(strings.TrimSpace(s.Quote)), "\n", "\n> "))
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("export conversation: %w", err)
	}
	return nil
}

// inline makes one line without raw HTML.
func inline(s string) string { return escapeHTML(strings.Join(strings.Fields(s), " ")) }

func escapeHTML(s string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(s)
}
