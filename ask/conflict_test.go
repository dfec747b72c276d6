package ask

import (
	"context"
	"strings"
	"testing"
)

func TestConflicts(t *testing.T) {
	docs := []libraryDocument{
		{"old.md", "Handbook 2021", "# Handbook 2021\n\nFull-time employees have 25 days of annual leave a year. Parking is free for all staff.\n"},
		{"new.md", "Handbook 2024", "# Handbook 2024\n\nFull-time employees have 27 days of annual leave a year. The canteen opens at noon.\n"},
		{"旧.md", "手册2021", "# 手册2021\n\n正式员工每年享有十天带薪病假。\n"},
		{"新.md", "手册2024", "# 手册2024\n\n正式员工每年享有十二天带薪病假。\n"},
		{"same.md", "Summary", "# Summary\n\nThe canteen opens at noon for everybody. Sick pay is 80 % of wages for six weeks.\n"},
		{"other.md", "Pay", "# Pay\n\nParental pay is 90 % of wages for twelve weeks.\n"},
		{"dogs-a.md", "Rules A", "# Rules A\n\nDogs are allowed in the office building.\n"},
		{"dogs-b.md", "Rules B", "# Rules B\n\nDogs are not allowed in the office building.\n"},
	}
	for _, c := range []struct {
		question string
		says     []string // all of them, and a conflict
	}{
		{"How many days of annual leave do full-time employees have a year?", []string{"25 days", "27 days"}},
		{"正式员工每年有多少天带薪病假？", []string{"十天", "十二天"}},
		{"Are dogs allowed in the office building?", []string{"are allowed", "not allowed"}},
		{"When does the canteen open?", nil},
		{"How much is sick pay, in per cent of wages?", nil},
	} {
		l := newLibrary(docs...)
		a, err := New(l, l, &Options{Caution: CautionLow}).Ask(context.Background(), Question{Text: c.question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, l, a)
		if (a.Conflict != "") != (c.says != nil) {
			t.Errorf("%q: conflict %q, text %q", c.question, a.Conflict, a.Text)
		}
		for _, s := range c.says {
			if !strings.Contains(a.Text, s) {
				t.Errorf("%q: %q lacks %q", c.question, a.Text, s)
			}
		}
	}
}
