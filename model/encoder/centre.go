package encoder

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"unicode"

	"github.com/lore-kb/lore/model"
)

// means are the mean vectors of neutral text, by language and task. The model
// puts all texts of a language close together, so a text's language outweighs
// what it says; without its language's mean, vectors of both compare.
type means struct {
	english, chinese [2][]float32 // by model.Task
}

// openMeans reads four vectors of little-endian float32: English passage and
// query, Chinese passage and query.
func openMeans(b string, n int) (*means, error) {
	if len(b) != 4*4*n {
		return nil, errors.New("open means: wrong size")
	}
	var m means
	for i, v := range []*[]float32{
		&m.english[model.TaskPassage], &m.english[model.TaskQuery],
		&m.chinese[model.TaskPassage], &m.chinese[model.TaskQuery],
	} {
		*v = floatsOf(b[4*i*n:][:4*n])
	}
	return &m, nil
}

// centre takes the mean of the text's languages off v, which has length 1, and
// gives it length 1 again.
func (m *means) centre(v []float32, task model.Task, text string) {
	zh := chineseShare(text)
	en := 1 - zh
	e, c := m.english[task], m.chinese[task]
	for i := range v {
		v[i] -= en*e[i] + zh*c[i]
	}
	normalise(v)
}

// chineseShare is the share of Han characters among a text's letters, 0 if it
// has none.
func chineseShare(text string) float32 {
	han, letters := 0, 0
	for _, r := range text {
		switch {
		case r < 'A':
		case r < 0x80:
			if r|0x20 >= 'a' && r|0x20 <= 'z' {
				letters++
			}
		case r >= 0x4E00 && r <= 0x9FFF:
			han++
			letters++
		case unicode.IsLetter(r):
			letters++
			if unicode.Is(unicode.Han, r) {
				han++
			}
		}
	}
	if letters == 0 {
		return 0
	}
	return float32(han) / float32(letters)
}

// meansSum and rowsSum tell one set of means, and one form of rows, from another.
func meansSum() string { return shortSum(meansFile) }
func rowsSum() string  { return shortSum(rowsFile) }

func shortSum(file string) string {
	sum := sha256.Sum256([]byte(file))
	return hex.EncodeToString(sum[:4])
}
