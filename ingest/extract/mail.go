package extract

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"strconv"
	"strings"

	"github.com/emersion/go-message"

	"github.com/lore-kb/lore/ingest"
)

func init() {
	message.CharsetReader = func(cs string, r io.Reader) (io.Reader, error) {
		enc := encodingOf(strings.ToLower(strings.TrimSpace(cs)))
		if enc == nil {
			return r, nil
		}
		return enc.NewDecoder().Reader(r), nil
	}
}

// mailHeaders begin the lines by which a mail is recognised.
var mailHeaders = []string{"received:", "from:", "to:", "subject:", "date:", "message-id:", "mime-version:", "return-path:", "delivered-to:", "content-type:", "x-"}

func isMail(p *probe) bool {
	head := p.data[:min(len(p.data), 8<<10)]
	if bytes.HasPrefix(head, []byte("From ")) {
		return false
	}
	found, mime := 0, false
	for text := range bytes.SplitSeq(head, []byte("\n")) {
		line := strings.TrimRight(string(text), "\r")
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			continue
		}
		key, _, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(key, " \t") {
			return false
		}
		lower := strings.ToLower(line)
		mime = mime || strings.HasPrefix(lower, "mime-version:")
		for _, h := range mailHeaders {
			if strings.HasPrefix(lower, h) {
				found++
				break
			}
		}
	}
	if p.named(".eml", ".mht", ".mhtml") {
		return found >= 1
	}
	return found >= 3 && (mime || p.named("", ".txt", ".msg", ".mail", ".email") || found >= 5)
}

// readMail reads a message: its headers as fields, its text with quoted parts
// as quotes, its attachments as members. A saved web page (MHTML) reads as page.
func readMail(j *job, in ingest.Input) ([]ingest.Document, error) {
	return j.message(in.Data)
}

// Limits of one message.
const (
	maxMailParts = 500
	maxMailDepth = 20
)

type mailReader struct {
	j        *job
	b        *builder
	parts    int
	plain    []string
	html     []string
	members  []ingest.Document
	warnings []string
	page     bool // multipart/related at the top: a saved page
}

func (j *job) message(data []byte) ([]ingest.Document, error) {
	e, err := message.ReadWithOptions(bytes.NewReader(data), &message.ReadOptions{MaxHeaderBytes: 4 << 20})
	if e == nil {
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	r := &mailReader{j: j, b: j.newBuilder()}
	doc := &r.b.doc
	doc.MediaType = "message/rfc822"
	field := func(key string) string { return decodeHeader(e.Header.Get(key)) }
	doc.Title = oneLine(field("Subject"))
	if t, err := mail.ParseDate(strings.TrimSpace(e.Header.Get("Date"))); err == nil {
		doc.Date = t
	}
	var head []string
	for _, k := range []string{"From", "To", "Cc", "Date", "Subject"} {
		v := oneLine(field(k))
		if v == "" {
			continue
		}
		head = append(head, k+": "+v)
		if k != "Subject" && k != "Date" {
			setLabel(doc, strings.ToLower(k), v)
		}
	}
	setLabel(doc, "message-id", e.Header.Get("Message-Id"))
	setLabel(doc, "in-reply-to", e.Header.Get("In-Reply-To"))
	setThread(doc, e.Header.Get("References"))
	kind, _, _ := e.Header.ContentType()
	r.page = kind == "multipart/related" && e.Header.Get("From") == "" || strings.HasPrefix(field("From"), "<Saved by")
	r.entity(e, 0)
	if r.page && len(r.html) > 0 {
		page := j.html(r.html[0], "")
		page.MediaType = "text/html"
		if page.Title == "" {
			page.Title = doc.Title
		}
		return []ingest.Document{page}, nil
	}
	r.b.para(strings.Join(head, "\n"))
	if doc.Title != "" {
		r.b.open(1, doc.Title)
	}
	switch {
	case hasLetters(strings.Join(r.plain, "")):
		for _, t := range r.plain {
			r.b.mailText(t)
		}
	default:
		for _, h := range r.html {
			r.b.addHTML(h)
		}
	}
	for _, w := range r.warnings {
		r.b.warn(w)
	}
	return append([]ingest.Document{r.b.done()}, r.members...), nil
}

// setThread labels a message with the first one of its thread: the first of its
// references, else what it answers, else itself.
func setThread(doc *ingest.Document, references string) {
	if first := strings.Fields(references); len(first) > 0 {
		setLabel(doc, "thread", first[0])
		return
	}
	setLabel(doc, "thread", cmp.Or(doc.Labels["in-reply-to"], doc.Labels["message-id"]))
}

func (r *mailReader) entity(e *message.Entity, depth int) {
	r.j.check()
	if r.parts++; r.parts > maxMailParts || depth > maxMailDepth {
		r.warnings = appendWarning(r.warnings, "parts beyond the limit were not read")
		return
	}
	kind, params, err := e.Header.ContentType()
	if err != nil || kind == "" {
		kind = "text/plain"
	}
	kind = strings.ToLower(kind)
	if mr := e.MultipartReader(); mr != nil {
		for range maxMailParts {
			part, err := mr.NextPart()
			if part == nil {
				if err != nil && !errors.Is(err, io.EOF) {
					r.warnings = appendWarning(r.warnings, "a part is broken: "+err.Error())
				}
				return
			}
			r.entity(part, depth+1)
		}
		return
	}
	disp, dparams, _ := e.Header.ContentDisposition()
	name := dparams["filename"]
	if name == "" {
		name = params["name"]
	}
	name = decodeHeader(name)
	data, err := io.ReadAll(io.LimitReader(e.Body, maxMemberBytes))
	if err != nil && len(data) == 0 {
		r.warnings = appendWarning(r.warnings, "a part is broken: "+err.Error())
		return
	}
	attached := disp == "attachment" || name != "" && disp != "inline"
	switch {
	case kind == "text/plain" && !attached:
		r.plain = append(r.plain, decodePart(data))
	case kind == "text/html" && !attached:
		r.html = append(r.html, decodePart(data))
	case kind == "message/rfc822":
		r.member(cmp.Or(name, "message.eml"), data)
	case r.page, strings.HasPrefix(kind, "image/") && disp != "attachment":
	case kind == "text/calendar", kind == "application/pgp-signature", kind == "application/pkcs7-signature", kind == "application/x-pkcs7-signature", kind == "message/delivery-status":
	default:
		if name == "" {
			ext := ""
			if exts, err := mime.ExtensionsByType(kind); err == nil && len(exts) > 0 {
				ext = exts[0]
			}
			name = "attachment" + strconv.Itoa(r.parts) + ext
		}
		r.member(name, data)
	}
}

func (r *mailReader) member(name string, data []byte) {
	if len(data) == 0 {
		return
	}
	docs, warnings := r.j.member(name, data)
	r.members = append(r.members, docs...)
	for _, w := range warnings {
		r.warnings = appendWarning(r.warnings, w)
	}
}

// decodePart makes sure of UTF-8 where the mail named no charset, or a wrong one.
func decodePart(data []byte) string {
	cs := detectCharset(data[:min(len(data), 64<<10)], len(data) > 64<<10)
	if cs == "" {
		cs = csUTF8
	}
	s, _ := decode(data, cs)
	return s
}

func decodeHeader(s string) string {
	dec := mime.WordDecoder{CharsetReader: message.CharsetReader}
	if t, err := dec.DecodeHeader(s); err == nil {
		s = t
	}
	return decodePart([]byte(s))
}

// mailText adds the text of a message: paragraphs, and what is quoted from
// other messages as quotes.
func (b *builder) mailText(s string) {
	var lines []string
	quoted := false
	flush := func() {
		text := strings.Join(lines, "\n")
		lines = lines[:0]
		if quoted {
			b.quote(text)
			return
		}
		for p := range paragraphs(text) {
			b.para(text[p.Start:p.End])
		}
	}
	rest := false // what follows is an older message, quoted without marks
	all := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	last := -1 // line that is marked as quoted
	for i, line := range all {
		if strings.HasPrefix(line, ">") {
			last = i
		}
	}
	for i, line := range all {
		rest = rest || quotesBelow(line) || headsQuote(all[i:min(i+4, len(all))]) || i > last && attributes(all[i:min(i+2, len(all))])
		q := rest || strings.HasPrefix(line, ">")
		if q != quoted {
			flush()
			quoted = q
		}
		if q {
			line = strings.TrimLeft(line, "> ")
		}
		if line == "-- " {
			line = ""
		}
		lines = append(lines, line)
	}
	flush()
}

// quotesBelow reports whether a line is what mail programs put above a message
// that they quote as a whole, such as "-----Original Message-----".
func quotesBelow(line string) bool {
	line = strings.TrimSpace(line)
	name := strings.Trim(line, "- ")
	if len(line)-len(name) < 8 || !strings.HasPrefix(line, "--") || !strings.HasSuffix(line, "--") {
		return false
	}
	switch strings.ToLower(name) {
	case "original message", "forwarded message", "ursprüngliche nachricht", "message d'origine", "mensaje original",
		"原始邮件", "原始郵件", "原邮件", "转发邮件", "轉寄郵件", "元のメッセージ":
		return true
	}
	return false
}

// attributions begin and end the line, broken in two at times, that says whose
// message is quoted below.
var attributions = [][2]string{
	{"On ", " wrote:"}, {"Am ", ":"}, {"Le ", " a écrit :"}, {"Le ", " a écrit:"}, {"El ", " escribió:"}, {"Il ", " ha scritto:"},
	{"在", "写道："}, {"在", "写道:"}, {"于", "写道："}, {"于", "写道:"}, {"在", "寫道："}, {"於", "寫道："},
}

// attributes reports whether lines begin with an attribution that has a date.
func attributes(lines []string) bool {
	for n := 1; n <= len(lines); n++ {
		line := strings.Join(strings.Fields(strings.Join(lines[:n], " ")), " ")
		for _, a := range attributions {
			if len(line) < 300 && strings.HasPrefix(line, a[0]) && strings.HasSuffix(line, a[1]) && strings.ContainsAny(line, "0123456789") &&
				(a[0] != "Am " || strings.Contains(line, " schrieb ")) {
				return true
			}
		}
	}
	return false
}

// headsQuote reports whether lines begin with the fields that Outlook puts above
// a message that it quotes.
func headsQuote(lines []string) bool {
	fields := [2][]string{
		{"From:", "Von:", "De :", "De:", "发件人:", "发件人：", "寄件者:", "寄件者：", "差出人:"},
		{"Sent:", "Date:", "Gesendet:", "Envoyé :", "Enviado:", "发送时间:", "发送时间：", "日期:", "日期：", "寄件日期:", "送信日時:"},
	}
	begins := func(line string, with []string) bool {
		line = strings.Trim(line, " *>\t")
		for _, w := range with {
			if strings.HasPrefix(line, w) {
				return true
			}
		}
		return false
	}
	if !begins(lines[0], fields[0]) {
		return false
	}
	for _, l := range lines[1:] {
		if begins(l, fields[1]) {
			return true
		}
	}
	return false
}

func isMbox(p *probe) bool {
	if !p.hasPrefix("From ") {
		return false
	}
	_, rest, _ := bytes.Cut(p.data[:min(len(p.data), 4096)], []byte("\n"))
	return isMail(&probe{data: rest, ext: ".eml"})
}

// readMbox reads a mailbox: a list of its messages, and each message as member.
func readMbox(j *job, in ingest.Input) ([]ingest.Document, error) {
	b := j.newBuilder()
	b.doc.Title = titleFromName(in.Name)
	docs := []ingest.Document{{}}
	for i, msg := range splitMbox(in.Data) {
		j.members++ // messages are what a mailbox is for; its text is limited all the same
		found, warnings := j.member(strconv.Itoa(i+1)+".eml", msg)
		for _, w := range warnings {
			b.warn(w)
		}
		if len(found) > 0 {
			line := found[0].Title
			if from := found[0].Labels["from"]; from != "" {
				line = from + ": " + line
			}
			if !found[0].Date.IsZero() {
				line = found[0].Date.Format("2006-01-02") + " " + line
			}
			b.item(0, "-", line)
		}
		docs = append(docs, found...)
	}
	docs[0] = b.done()
	return docs, nil
}

// splitMbox cuts a mailbox at lines that begin "From " after a blank line.
func splitMbox(data []byte) [][]byte {
	var out [][]byte
	start := -1
	blank := true
	for at := 0; at < len(data); {
		next := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := data[at:next]
		if blank && bytes.HasPrefix(line, []byte("From ")) {
			if start >= 0 {
				out = append(out, data[start:at])
			}
			start = next
		}
		blank = len(bytes.TrimRight(line, "\r\n")) == 0
		at = next
	}
	if start >= 0 && start < len(data) {
		out = append(out, data[start:])
	}
	return out
}
