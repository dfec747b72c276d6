package store

// Box says where a word stands on the image of a page it was read from: the word
// at Offset of the document's text, up to the next box's; one without a size only
// ends the word before it. Left, Top, Width and
// Height are ten-thousandths of the image's width and height, from its upper left
// corner.
type Box struct {
	Offset                   int
	Page                     int // 0 for an image without pages
	Left, Top, Width, Height int
}

// boxUnit is the width and the height of an image in the units of a [Box].
const boxUnit = 10000

// Region is a part of a page's image; X, Y, W and H are shares of its width and
// height, from its upper left corner.
type Region struct {
	Page int     `json:"page,omitempty"` // 0 for an image without pages
	X    float64 `json:"x"`
	Y    float64 `json:"y"`
	W    float64 `json:"w"`
	H    float64 `json:"h"`
}

// RegionOf returns the smallest region that holds the words in the range
// [start, end) of a document's text, as far as they stand on the page of the first
// of them; false when no box is of a word in it.
func RegionOf(boxes []Box, start, end int) (Region, bool) {
	var left, top, right, bottom, page int
	found := false
	for i, b := range boxes {
		if b.Width == 0 && b.Height == 0 || b.Offset >= end || i+1 < len(boxes) && boxes[i+1].Offset <= start {
			continue
		}
		switch {
		case !found:
			found = true
			left, top, right, bottom, page = b.Left, b.Top, b.Left+b.Width, b.Top+b.Height, b.Page
		case b.Page == page:
			left, top = min(left, b.Left), min(top, b.Top)
			right, bottom = max(right, b.Left+b.Width), max(bottom, b.Top+b.Height)
		}
	}
	share := func(n int) float64 { return float64(n) / boxUnit }
	return Region{page, share(left), share(top), share(right - left), share(bottom - top)}, found
}
