package ask

import (
	"testing"

	"pgregory.net/rapid"
)

func TestFiguresMatch(t *testing.T) {
	cases := []struct {
		statement, source string
		want              bool
	}{
		{"1,5 km", "1500 m", true},
		{"1.5 km", "1,500 metres", true},
		{"1.5 km", "1.5 m", false},
		{"5 %", "百分之五", true},
		{"百分之二十五", "25 percent", true},
		{"March 2024", "2024年3月", true},
		{"2024年3月5日", "released on March 5, 2024", true},
		{"5 March 2024", "2024-03-05", true},
		{"6 March 2024", "2024-03-05", false},
		{"April 2024", "2024年3月", false},
		{"2024", "2024年3月", true},
		{"2023", "2024年3月", false},
		{"二〇二四年", "in 2024", true},
		{"１２３４", "1,234", true},
		{"1,234,567", "1234567", true},
		{"30万", "300,000", true},
		{"1.4 million", "1,400,000", true},
		{"三千五百", "3500", true},
		{"两个", "two rooms", true},
		{"fifteen days", "十五天", true},
		{"15 days", "15 hours", false},
		{"15 days", "15", true},
		{"two weeks", "14 days", true},
		{"一年", "12 个月", true},
		{"twenty-five", "25", true},
		{"two hundred and fifty", "250", true},
		{"45 €", "45 euros", true},
		{"45 €", "$45", false},
		{"8:30", "8点30分", true},
		{"8:30 pm", "20:30", true},
		{"8:30 am", "20:30", false},
		{"2 GB", "2000 MB", true},
		{"26.2 miles", "42.2 km", true},
		{"5 工作日", "five business days", true},
		{"5 days", "five business days", false},
		{"77 °F", "25 °C", true},
		{"on 5 March 2024", "In 2024 we moved. The move was on 5 March.", true},
		{"on 5 March 2024", "In 2024 we moved. The move was on 5 March 2023.", false},
		{"1980s", "1980年代", true},
		{"第三章", "chapter 3", true},
	}
	for _, c := range cases {
		fs, source := figures(foldText(c.statement)), figures(foldText(c.source))
		if len(fs) != 1 {
			t.Errorf("figures(%q) = %+v, want one", c.statement, fs)
			continue
		}
		if got := fs[0].occursIn(source); got != c.want {
			t.Errorf("%q in %q: %v, want %v\n%+v\n%+v", c.statement, c.source, got, c.want, fs, source)
		}
	}
}

func TestNoFigures(t *testing.T) {
	for _, s := range []string{"一些", "十分满意", "万一下雨", "someone tends to it", "千万不要", "v2.0.1", "ERR-4012", "x86", "非洲", "三明治", "七八", "四川"} {
		if got := figures(foldText(s)); len(got) != 0 {
			t.Errorf("figures(%q) = %+v, want none", s, got)
		}
	}
}

// Every figure of a text occurs in the text itself, and its range lies inside.
func TestFiguresOccurInTheirText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := foldText(rapid.StringMatching(`([0-9]{1,4}|[一二三十百千万亿年月日]{1,4}|km|%| |,|\.|-|:|one|two|May|march|百分之|分之|€|个|第|点)*`).Draw(t, "text"))
		fs := figures(s)
		for i := range fs {
			if fs[i].start < 0 || fs[i].end > len(s) || fs[i].start > fs[i].end {
				t.Fatalf("figure %+v lies outside %q", fs[i], s)
			}
			if !fs[i].occursIn(fs) {
				t.Fatalf("figure %+v does not occur in %q", fs[i], s)
			}
		}
	})
}

func FuzzFigures(f *testing.F) {
	f.Add("百分之五十 of 1,234.5 km on 2024-03-05 at 8:30 pm 三百五十万")
	f.Fuzz(func(t *testing.T, s string) {
		for _, x := range figures(foldText(s)) {
			if x.end < x.start {
				t.Fatalf("figure %+v ends before it starts", x)
			}
		}
	})
}
