package analysis

import (
	"slices"
	"strings"
	"testing"
)

// spell writes terms as text, one a word, in order.
func spell(terms []Term) string {
	var out []string
	for _, t := range terms {
		out = append(out, t.Text)
	}
	return strings.Join(out, " ")
}

func TestTerms(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"... !", ""},
		{"The running horses stopped", "the run hors stop"},
		{"policies policy police", "polici polici polic"},
		{"university universe organization organ news", "universiti univers organization organ news"},
		{"children wrote began", "child writ begin"},
		{"Emma's don't O'Brien", "emma dont brien obrien"},
		{"max_tokens", "max token maxtokens"},
		{"maxTokens", "max token maxtokens"},
		{"v2.0.1", "v2 v2.0.1"},
		{"ERR-4012", "err 4012 err4012"},
		{"a/b/c.go", "a b c go a/b/c.go"},
		{"e-mail email U.S.A. USA", "e mail email email usa usa"},
		{"K8s集群", "k8s 集 集群 群"},
		{"C++ C#", "c+ c#"},
		{"1,000,000 3.14 １２", "1000000 3.14 12"},
		{"5GB 16th", "5 gb 5gb 16 16th"},
		{"Fécamp naïve", "fecamp naiv"},
		{"臺灣大學", "台 台湾 湾 湾大 大 大学 学"},
		{"上海，交通", "上 上海 海 交 交通 通"},
		{"第三十二条", "第 32 第三 三 三十 十 十二 二 二条 条"},
		{"一个", "一 一个 个"},
		{"5月3日", "--05 --05-03 5 月 3 日"},
		{"Dec 2, 2013", "2013-12 2013-12-02 --12 --12-02 dec 2 2013"},
		{"2013-12-02", "2013-12 2013-12-02 --12 --12-02 2013 12 02 20131202"},
	} {
		got := spell(Terms(c.in))
		if sorted(got) != sorted(c.want) {
			t.Errorf("Terms(%q) = %s, want %s", c.in, got, c.want)
		}
	}
}

func sorted(s string) string {
	words := strings.Fields(s)
	for i := range words {
		for j := i; j > 0 && words[j] < words[j-1]; j-- {
			words[j], words[j-1] = words[j-1], words[j]
		}
	}
	return strings.Join(words, " ")
}

// TestMeetings holds what a question and a text that write one thing in two ways
// have in common, or must not have.
func TestMeetings(t *testing.T) {
	for _, c := range []struct{ a, b, common string }{
		{"臺灣後來的發展", "台湾后来的发展", "发展"},
		{"ＧＰＵ　１２ＧＢ", "GPU 12GB", "12gb"},
		{"第三十二条", "第32条", "32"},
		{"第一百零五章", "第105章", "105"},
		{"二〇一三年", "2013年", "2013"},
		{"2013年12月2日", "December 2, 2013", "2013-12-02"},
		{"2 December 2013", "2013-12-02", "2013-12-02"},
		{"二零一三年十二月二日", "2013-12-02", "2013-12-02"},
		{"3,500 km", "3500km", "3500"},
		{"five children wrote", "a child writes", "writ"},
		{"mice", "a mouse", "mous"},
		{"policies", "the policy", "polici"},
		{"stopped", "stopping", "stop"},
		{"university", "the universe", ""},
		{"organization", "an organ", ""},
		{"news", "a new one", ""},
		{"max_tokens", "maxTokens", "maxtokens"},
		{"err-4012", "ERR4012", "err4012"},
		{"K8s集群", "K8s 的集群", "集群"},
		{"k8s", "K8s集群", "k8s"},
		{"上海交通大学", "上海的交通，大学", ""}, // none of the bigrams across words
	} {
		have := make(map[string]bool)
		for _, x := range Terms(c.a) {
			have[x.Text] = true
		}
		var both []string
		for _, x := range Terms(c.b) {
			if have[x.Text] && !x.Stop && x.Kind != KindHan && !slices.Contains(both, x.Text) {
				both = append(both, x.Text)
			}
		}
		if c.common == "" {
			both = slices.DeleteFunc(both, func(s string) bool { return s == "上海" || s == "交通" || s == "大学" })
			if len(both) > 0 {
				t.Errorf("%q and %q share %q", c.a, c.b, both)
			}
		} else if !slices.Contains(both, c.common) {
			t.Errorf("%q and %q share %q, want %q among them", c.a, c.b, both, c.common)
		}
	}
}

func TestTermRanges(t *testing.T) {
	text := "See maxTokens，臺灣的 GPU's"
	want := map[string]string{"maxtokens": "maxTokens", "token": "Tokens", "台湾": "臺灣", "gpu": "GPU"}
	for _, term := range Terms(text) {
		if w, ok := want[term.Text]; ok && text[term.Start:term.End] != w {
			t.Errorf("%s stands at %q, want %q", term.Text, text[term.Start:term.End], w)
		}
		delete(want, term.Text)
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

func TestSentences(t *testing.T) {
	for _, c := range []struct{ between, want string }{ // sentences in want are parted by | and stand between in the text
		{" ", ""},
		{" ", "One.|Two!|Three?"},
		{" ", "Dr. Smith paid $3.14 to J. R. Jones.|He left."},
		{" ", `"Why?" he asked.|"Go!"|Then silence.`},
		{" ", "It costs 5 e.g. in the U.S. Army.|See Fig. 3 (p. 4).|Done.[3]|Next"},
		{" ", "A wrapped\nline ends.|Another one."},
		{"\n", "# Heading|Text under it."},
		{"\n", "Intro:|- one|- two|1. first|2. second"},
		{"\n", "/ a / b /|/-/-/|/ 1 / 2 /"},
		{"", "他说：“好。”|然后走了。|真的吗？！|是。"},
		{"", "“好。”，他说完就走了。|完"},
		{"\n", "第一条 内容|第二条 内容"},
		{"", "版本 2.0 已发布。|请升级"},
		{"\n\n", "Paragraph without end|Another paragraph"},
	} {
		want := strings.Split(c.want, "|")
		for i := range want {
			if strings.HasPrefix(want[i], "/") { // rows of a table
				want[i] = strings.ReplaceAll(want[i], "/", "|")
			}
		}
		text := strings.Join(want, c.between)
		var got []string
		for _, r := range Sentences(text) {
			got = append(got, text[r.Start:r.End])
		}
		if text == "" {
			want = nil
		}
		if !slices.Equal(got, want) {
			t.Errorf("Sentences(%q):\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestLanguage(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "123 !": "", "How many days?": "en", "年假有几天？": "zh", "K8s集群怎么扩容": "zh", "これは日本語の文です": "",
		"Привет мир": "", "Größe der Dateien": "en", "OpenAI 的 API key": "en",
	} {
		if got := Language(in); got != want {
			t.Errorf("Language(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestQuestion(t *testing.T) {
	q := Question(`what is "annual leave" path:docs/ops type:PDF before:2024 label:team=infra after: x max_tokens`)
	if q.Text != `what is "annual leave" after: x max_tokens` {
		t.Errorf("Text = %q", q.Text)
	}
	if len(q.Phrases) != 1 || q.Phrases[0] != "annual leave" || len(q.Identifiers) != 1 || q.Identifiers[0] != "max_tokens" {
		t.Errorf("phrases %q, identifiers %q", q.Phrases, q.Identifiers)
	}
	f := q.Filter
	if len(f.Paths) != 1 || f.Paths[0] != "docs/ops" || len(f.Types) != 1 || f.Types[0] != "pdf" || f.Labels["team"] != "infra" ||
		f.Before.Year() != 2024 || !f.After.IsZero() {
		t.Errorf("filter %+v", f)
	}
	if q := Question("OpenAI 的 API key 在哪里？"); q.Language != "zh" {
		t.Errorf("language %q", q.Language)
	}
	if q := Question("What does 上海 mean to you?"); q.Language != "en" {
		t.Errorf("language %q", q.Language)
	}
	if q := Question(" ?! "); len(q.Terms) != 0 {
		t.Errorf("terms %v", q.Terms)
	}
	for _, term := range Question("the who").Terms {
		if term.Weight != 1 {
			t.Errorf("only stop words: %+v", term)
		}
	}
}

// TestNumeralsStandBack holds which terms of a question count for little because
// a number stands for them.
func TestNumeralsStandBack(t *testing.T) {
	for question, want := range map[string]string{
		"第三十二条":   "第三 三 三十 十 十二 二 二条",
		"第32条":    "",
		"第三章":     "三",
		"三月营收":    "三",
		"三國志":     "", // no number
		"二〇一三年营收": "二 二〇 〇 〇一 一 一三 三 三年",
		"三十岁，三角洲": "三十 十 十岁", // 三 stands elsewhere too
	} {
		var got []string
		for _, term := range Question(question).Terms {
			if term.Weight < 0.5 {
				got = append(got, term.Text)
			}
		}
		if sorted(strings.Join(got, " ")) != sorted(want) {
			t.Errorf("of %s %q count for little, want %q", question, got, want)
		}
	}
}

func TestTokens(t *testing.T) {
	for in, want := range map[string]int{"": 0, " \n": 0, "年假有几天？": 6, "The quick brown fox": 4, "internationalisation": 4, "3.14": 3, "----": 1} {
		if got := Tokens(in); got != want {
			t.Errorf("Tokens(%q) = %d, want %d", in, got, want)
		}
	}
}

const (
	englishSample = "Retrieval decides what an assistant can know. The chunk's sparse vector carries the term-frequency part of BM25 with fixed constants, because chunks have a bounded length; in version v2.0.1 of 2013-05-03 the option max_tokens was added.\n"
	chineseSample = "检索决定了助手能知道什么。稀疏向量只保存词频部分，逆文档频率由存储层在查询时乘上；2013年5月3日发布的第三十二条规定，K8s集群的最大令牌数为4096。臺灣的讀者也可以用繁體字提問。\n"
)

func BenchmarkPassage(b *testing.B) {
	for name, sample := range map[string]string{"english": strings.Repeat(englishSample, 6), "chinese": strings.Repeat(chineseSample, 4)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(sample)))
			b.ReportAllocs()
			for b.Loop() {
				Passage(Fields{Text: sample})
			}
		})
	}
}

func BenchmarkFold(b *testing.B) {
	for name, sample := range map[string]string{"english": strings.Repeat(englishSample, 100), "chinese": strings.Repeat(chineseSample, 100)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(sample)))
			for b.Loop() {
				Fold(sample)
			}
		})
	}
}

func BenchmarkSentences(b *testing.B) {
	sample := strings.Repeat(englishSample+chineseSample, 100)
	b.SetBytes(int64(len(sample)))
	for b.Loop() {
		Sentences(sample)
	}
}

func BenchmarkTokens(b *testing.B) {
	sample := strings.Repeat(englishSample+chineseSample, 100)
	b.SetBytes(int64(len(sample)))
	for b.Loop() {
		Tokens(sample)
	}
}
