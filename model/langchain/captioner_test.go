package langchain_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/langchain"
)

// redImage is a PNG of which the left part is red and the rest white.
func redImage(t *testing.T, width, height, red int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		for y := range height {
			c := color.RGBA{255, 255, 255, 255}
			if x < red {
				c = color.RGBA{255, 0, 0, 255}
			}
			m.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// look is a model that sees: it decodes the picture and says how much is red.
func look(data string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return "", err
	}
	m, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return "", err
	}
	red, box := 0, m.Bounds()
	for x := range box.Dx() {
		for y := range box.Dy() {
			if _, g, _, _ := m.At(x, y).RGBA(); g == 0 {
				red++
			}
		}
	}
	return fmt.Sprintf("A picture of %d by %d, %d%% of it red.", box.Dx(), box.Dy(), 100*red/(box.Dx()*box.Dy())), nil
}

func TestCaption(t *testing.T) {
	type part struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		ImageURL struct {
			URL string `json:"url"`
		} `json:"image_url"`
		Source struct {
			Type  string `json:"type"`
			Media string `json:"media_type"`
			Data  string `json:"data"`
		} `json:"source"`
	}
	for _, provider := range []langchain.Provider{langchain.OpenAI, langchain.Ollama, langchain.Anthropic} {
		t.Run(string(provider), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var body struct {
					Model    string `json:"model"`
					Messages []struct {
						Role    string `json:"role"`
						Content []part `json:"content"`
					} `json:"messages"`
				}
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
					t.Error(err)
				}
				if body.Model != "sees" || len(body.Messages) != 1 || body.Messages[0].Role != "user" || len(body.Messages[0].Content) != 2 {
					t.Errorf("not one message of a picture and a text: %+v", body)
					return
				}
				picture, text := body.Messages[0].Content[0], body.Messages[0].Content[1]
				if text.Type != "text" || !strings.Contains(text.Text, "Describe") {
					t.Errorf("the second part is %+v", text)
				}
				data, ok := strings.CutPrefix(picture.ImageURL.URL, "data:image/png;base64,")
				if provider == langchain.Anthropic {
					data, ok = picture.Source.Data, picture.Type == "image" && picture.Source.Type == "base64" && picture.Source.Media == "image/png"
				} else {
					ok = ok && picture.Type == "image_url"
				}
				if !ok {
					t.Errorf("the first part is %+v", picture)
				}
				said, err := look(data)
				if err != nil {
					t.Error(err)
				}
				w.Header().Set("Content-Type", "text/event-stream")
				if provider == langchain.Anthropic {
					for _, e := range []string{
						`{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"sees","usage":{"input_tokens":1,"output_tokens":1}}}`,
						`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
						fmt.Sprintf(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%q}}`, said),
						`{"type":"content_block_stop","index":0}`,
						`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}`,
						`{"type":"message_stop"}`,
					} {
						fmt.Fprintf(w, "data: %s\n\n", e)
					}
					return
				}
				fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"content\":%q}}]}\n\n%s\n\n%s\n\n", said, stop, done)
			}))
			defer server.Close()
			base := server.URL + "/v1"
			if provider == langchain.Ollama {
				base = strings.TrimPrefix(server.URL, "http://")
			}
			c, err := langchain.NewCaptioner(langchain.Options{Provider: provider, Model: "sees", BaseURL: base})
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Caption(t.Context(), redImage(t, 40, 10, 10), "image/png")
			if err != nil || got != "A picture of 40 by 10, 25% of it red." {
				t.Errorf("got %q, %v", got, err)
			}
			if c.Name() != string(provider)+":sees" {
				t.Errorf("its name is %q", c.Name())
			}
		})
	}
}

func TestCaptionFails(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"a model without eyes": status(400, `{"error":{"message":"this model does not support image input"}}`),
		"nothing said":         events(stop, done),
	} {
		server := httptest.NewServer(handler)
		c, err := langchain.NewCaptioner(langchain.Options{Provider: langchain.OpenAI, Model: "m", BaseURL: server.URL, APIKey: "k", Retries: -1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Caption(t.Context(), redImage(t, 4, 4, 1), "image/png")
		var failure *model.Error
		if err == nil || name == "a model without eyes" && (!errors.As(err, &failure) || !strings.Contains(err.Error(), "image input")) {
			t.Errorf("%s: got %v", name, err)
		}
		server.Close()
	}
}
