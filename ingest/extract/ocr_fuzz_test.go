package extract

import "testing"

func FuzzTSV(f *testing.F) {
	f.Add("level\tpage_num\n1\t1\t0\t0\t0\t0\t0\t0\t100\t200\t-1\t\n5\t1\t1\t1\t1\t1\t10\t20\t30\t40\t96.6\tre-\n5\t1\t1\t1\t2\t1\t10\t60\t30\t40\t96.6\tcog\n5\t1\t2\t1\t1\t1\t10\t80\t30\t40\t9\t这 是\n")
	f.Fuzz(func(t *testing.T, s string) {
		b := fuzzJob(t).newBuilder()
		mustNotFail(func() { b.recognised(1, parseTSV(s)) })
		d := b.done()
		if err := checkDocument(&d); err != nil {
			t.Fatal(err)
		}
		last := -1
		for _, x := range d.Boxes {
			if x.Offset < last || x.Offset > len(d.Text) || x.Left < 0 || x.Top < 0 || x.Width < 0 || x.Height < 0 || x.Left+x.Width > 10000 || x.Top+x.Height > 10000 {
				t.Fatalf("box %v in %d bytes", x, len(d.Text))
			}
			last = x.Offset
		}
	})
}
