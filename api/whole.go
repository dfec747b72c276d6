package api

import (
	"encoding/json"
	"errors"
	"math"
)

// whole is a whole number in a body. JSON may write it as 8 or as 8.0, which is
// the same number; null is 0.
type whole int

// UnmarshalJSON reads either form.
func (n *whole) UnmarshalJSON(data []byte) error {
	var f float64
	if err := json.Unmarshal(data, &f); err != nil {
		return err
	}
	if f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return errors.New("not a whole number")
	}
	*n = whole(f)
	return nil
}
