// Package config collects lore's settings: a flag goes before an environment
// variable, that before the configuration file, that before the default. Every
// value remembers where it came from, so that a message can say so.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Config are the settings. The yaml names are the keys of the file.
type Config struct {
	Data         string `yaml:"data"`
	Store        string `yaml:"store"`
	Collection   string `yaml:"collection"`
	Embedder     string `yaml:"embedder"`
	Model        string `yaml:"model"`
	Transcriber  string `yaml:"transcriber"`
	Captioner    string `yaml:"captioner"`
	PasswordFile string `yaml:"password_file"`
	Language     string `yaml:"language"`
	Caution      string `yaml:"caution"`
	Limit        int    `yaml:"limit"`
	Addr         string `yaml:"addr"`
	Token        string `yaml:"token"`

	Reranker      string `yaml:"reranker"`
	RerankerURL   string `yaml:"reranker_base_url"`
	RerankerKey   string `yaml:"reranker_api_key"`
	RerankerWait  string `yaml:"reranker_timeout"`
	ModelWait     string `yaml:"model_timeout"`
	QueryPrefix   string `yaml:"query_prefix"`
	PassagePrefix string `yaml:"passage_prefix"`

	OpenAIKey      string `yaml:"openai_api_key"`
	OpenAIBaseURL  string `yaml:"openai_base_url"`
	AnthropicKey   string `yaml:"anthropic_api_key"`
	AnthropicURL   string `yaml:"anthropic_base_url"`
	OllamaHost     string `yaml:"ollama_host"`
	TranscriberURL string `yaml:"transcriber_base_url"`
	TranscriberKey string `yaml:"transcriber_api_key"`
	QdrantURL      string `yaml:"qdrant_url"`
	QdrantKey      string `yaml:"qdrant_api_key"`

	origins map[string]string
}

// Setting describes one setting.
type Setting struct {
	Key     string // in the file; also the flag's name where there is one
	Env     string
	Default string
	Secret  bool
	Help    string
}

// Settings lists all settings in the order of documentation.
var Settings = []Setting{
	{"data", "LORE_DATA", "", false, "folder that holds the index; default: the user's data folder"},
	{"store", "LORE_STORE", "sqlite", false, "sqlite, or qdrant://HOST:6334"},
	{"collection", "LORE_COLLECTION", "default", false, "named set of documents"},
	{"embedder", "LORE_EMBEDDER", "builtin", false, "builtin, builtin:norows (half the space), ollama:NAME, openai:NAME or none"},
	{"model", "LORE_MODEL", "none", false, "language model: none, ollama:NAME, openai:NAME or anthropic:NAME"},
	{"model_timeout", "LORE_MODEL_TIMEOUT", "", false, "how long it may take for an answer, such as 5m, before the documents' own sentences answer; default 2m"},
	{"transcriber", "LORE_TRANSCRIBER", "none", false, "speech in recordings: none, openai:NAME or command:PROGRAM (whisper, whisper-cli)"},
	{"captioner", "LORE_CAPTIONER", "none", false, "descriptions of pictures, by a model that sees: none, ollama:NAME, openai:NAME or anthropic:NAME"},
	{"password_file", "LORE_PASSWORD_FILE", "", false, "file with passwords, one a line, that are tried on encrypted documents"},
	{"language", "LORE_LANGUAGE", "", false, "language of answers, en or zh; default: that of the question"},
	{"caution", "LORE_CAUTION", "normal", false, "how readily to say that the documents do not answer: low, normal or high"},
	{"limit", "LORE_LIMIT", "8", false, "passages that a question gets"},
	{"addr", "LORE_ADDR", "127.0.0.1:7331", false, "address to serve at"},
	{"token", "LORE_TOKEN", "", true, "bearer token that clients of the server send"},
	{"reranker", "LORE_RERANKER", "none", false, "orders the passages found: none, jina:NAME, cohere:NAME, vllm:NAME, tei, or a language model: ollama:NAME, openai:NAME, anthropic:NAME"},
	{"reranker_base_url", "LORE_RERANKER_BASE_URL", "", false, "address of the reranking server, such as http://127.0.0.1:8080"},
	{"reranker_api_key", "LORE_RERANKER_API_KEY", "", true, "its key"},
	{"reranker_timeout", "LORE_RERANKER_TIMEOUT", "", false, "how long to wait for it, such as 5s, before the order of the search stands; default 2s, and 30s for a language model"},
	{"query_prefix", "LORE_QUERY_PREFIX", "", false, "put before questions that are embedded, for models not in lore's table"},
	{"passage_prefix", "LORE_PASSAGE_PREFIX", "", false, "put before passages that are embedded"},
	{"openai_api_key", "OPENAI_API_KEY", "", true, "key of the OpenAI-compatible server"},
	{"openai_base_url", "OPENAI_BASE_URL", "", false, "its address, such as http://127.0.0.1:8000/v1"},
	{"anthropic_api_key", "ANTHROPIC_API_KEY", "", true, "key of Anthropic"},
	{"anthropic_base_url", "ANTHROPIC_BASE_URL", "", false, "its address"},
	{"ollama_host", "OLLAMA_HOST", "", false, "address of Ollama; default 127.0.0.1:11434"},
	{"transcriber_base_url", "LORE_TRANSCRIBER_BASE_URL", "", false, "address of the server that transcribes; default: the OpenAI-compatible server"},
	{"transcriber_api_key", "LORE_TRANSCRIBER_API_KEY", "", true, "its key"},
	{"qdrant_url", "QDRANT_URL", "", false, "address of Qdrant for --store qdrant"},
	{"qdrant_api_key", "QDRANT_API_KEY", "", true, "its key"},
}

// ConfigEnv names the environment variable that holds the file's path.
const ConfigEnv = "LORE_CONFIG"

// Sources are what Load reads from. The zero value reads the process's
// environment and the default file.
type Sources struct {
	File   string                      // --config; "" means LORE_CONFIG, then the default file if it exists
	Getenv func(string) (string, bool) // nil: os.LookupEnv
	Flags  map[string]string           // by key, only those that were given
}

// Load returns the settings, checked.
func Load(s Sources) (*Config, error) {
	if s.Getenv == nil {
		s.Getenv = os.LookupEnv
	}
	c := &Config{origins: map[string]string{}}
	for _, setting := range Settings {
		if err := c.set(setting.Key, setting.Default, "default"); err != nil {
			return nil, err
		}
	}
	if err := c.readFile(s); err != nil {
		return nil, err
	}
	for _, setting := range Settings {
		if value, ok := s.Getenv(setting.Env); ok && value != "" {
			if err := c.set(setting.Key, value, setting.Env); err != nil {
				return nil, err
			}
		}
	}
	for _, setting := range Settings {
		if value, ok := s.Flags[setting.Key]; ok {
			if err := c.set(setting.Key, value, "--"+strings.ReplaceAll(setting.Key, "_", "-")); err != nil {
				return nil, err
			}
		}
	}
	if c.Data == "" {
		dir, err := dataDir(s.Getenv)
		if err != nil {
			return nil, err
		}
		c.Data = dir
	}
	return c, c.check()
}

// Origin says where the value of key came from: "default", a variable's name, a
// flag, or a file's path.
func (c *Config) Origin(key string) string { return c.origins[key] }

// Value returns the value of key as text.
func (c *Config) Value(key string) string {
	field, ok := c.field(key)
	if !ok {
		return ""
	}
	return fmt.Sprint(field.Interface())
}

func (c *Config) field(key string) (reflect.Value, bool) {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("yaml") == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func (c *Config) set(key, value, origin string) error {
	field, _ := c.field(key)
	if field.Kind() == reflect.Int {
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%s: %q is not a number", origin, value)
		}
		field.SetInt(int64(n))
	} else {
		field.SetString(value)
	}
	c.origins[key] = origin
	return nil
}

func (c *Config) readFile(s Sources) error {
	path, must := s.File, true
	if path == "" {
		path, _ = s.Getenv(ConfigEnv)
	}
	if path == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil
		}
		path, must = filepath.Join(dir, "lore", "config.yaml"), false
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return nil
	}
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return c.parse(text, path)
}

// parse overlays the settings of a file. Unknown keys are errors that name the
// nearest known one.
func (c *Config) parse(text []byte, path string) error {
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	if len(node.Content) == 0 {
		return nil
	}
	mapping := node.Content[0]
	if mapping.Kind != yaml.MappingNode {
		return fmt.Errorf("configuration %s: line %d: expected lines of the form key: value", path, mapping.Line)
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if _, ok := c.field(key.Value); !ok {
			return fmt.Errorf("configuration %s: line %d: unknown key %q%s", path, key.Line, key.Value, suggestion(key.Value))
		}
		if value.Kind != yaml.ScalarNode {
			return fmt.Errorf("configuration %s: line %d: %s takes one value", path, value.Line, key.Value)
		}
		if err := c.set(key.Value, value.Value, fmt.Sprintf("%s:%d", path, value.Line)); err != nil {
			return fmt.Errorf("configuration: %w", err)
		}
	}
	return nil
}

func (c *Config) check() error {
	for key, allowed := range map[string][]string{"caution": {"low", "normal", "high"}, "language": {"", "en", "zh"}} {
		if value := c.Value(key); !slices.Contains(allowed, value) {
			named := slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })
			return fmt.Errorf("%s: %s is %q; it can be %s", c.Origin(key), key, value, strings.Join(named, ", "))
		}
	}
	if c.Limit < 1 || c.Limit > 100 {
		return fmt.Errorf("%s: limit is %d; it can be 1 to 100", c.Origin("limit"), c.Limit)
	}
	if !validName(c.Collection) {
		return fmt.Errorf("%s: collection %q: use up to 64 letters, digits, '-' and '_'", c.Origin("collection"), c.Collection)
	}
	return nil
}

func validName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}

// suggestion returns a hint at the known key nearest to a misspelt one.
func suggestion(key string) string {
	best, distance := "", 4
	for _, setting := range Settings {
		if d := editDistance(key, setting.Key); d < distance {
			best, distance = setting.Key, d
		}
	}
	if best == "" {
		return "; `lore config` lists the known ones"
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// dataDir is the folder where the operating system wants a user's data.
func dataDir(getenv func(string) (string, bool)) (string, error) {
	if dir, ok := getenv("XDG_DATA_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "lore"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no place for data: %w; set LORE_DATA", err)
	}
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "lore"), nil
	case "windows":
		if dir, ok := getenv("LocalAppData"); ok && dir != "" {
			return filepath.Join(dir, "lore"), nil
		}
	}
	return filepath.Join(home, ".local", "share", "lore"), nil
}
