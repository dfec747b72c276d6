package extract

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

// Captioner says in words what a picture shows. Its model is reached over the
// network, so that it runs beside the readers and not in a confined child.
type Captioner interface {
	// Name is as a user wrote it: ollama:llava.
	Name() string
	// Caption describes an image of a media type such as image/png.
	Caption(ctx context.Context, image []byte, media string) (string, error)
}

const (
	// maxPictures bounds the pictures inside one file, in bytes.
	maxPictures = 48 << 20
	// maxCaptionImage is what the servers in use take of one image.
	maxCaptionImage = 5 << 20
	maxCaption      = 4000 // bytes of one description
)

// captionMedia are the kinds of images that vision models take.
var captionMedia = map[string]bool{"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true}

// media adds the pictures of an office file as members, those that are large
// enough to be more than an ornament.
func (z *zipFile) media(docs []ingest.Document, folder string) []ingest.Document {
	if !z.j.o.Media || !z.j.o.Pictures {
		return docs
	}
	const least, most = 8 << 10, 20
	taken := 0
	for _, n := range z.names(folder) {
		if f := z.files[n]; taken >= most || f.UncompressedSize64 < least || f.UncompressedSize64 > maxCaptionImage {
			continue
		}
		data, err := z.read(n)
		if err != nil || !captionMedia[imageMedia(data)] {
			continue
		}
		taken++
		found, warnings := z.j.member(path.Base(n), data)
		docs = append(docs, found...)
		for _, w := range warnings {
			docs[0].Warnings = appendWarning(docs[0].Warnings, w)
		}
	}
	return docs
}

// seesPictures reports whether anything reads images.
func (p *Pool) seesPictures() bool {
	return p.caption != nil || p.ocr != nil && p.ocr.tesseract != ""
}

// picture reads an image: its text by recognition, what it shows by a captioner.
// unread is what the error is when neither is at hand. A failure of one is a
// warning where the other gave something.
func (p *Pool) picture(ctx context.Context, in ingest.Input, media string, unread error) ([]ingest.Document, error) {
	var docs []ingest.Document
	err := unread
	if p.ocr != nil {
		docs, err = p.ocr.extract(ctx, in, unread)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if p.caption == nil {
		return docs, err
	}
	said, failure := p.describe(ctx, in.Data, media)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case failure != nil && len(docs) == 0:
		return nil, fmt.Errorf("%w; %w", err, failure)
	case failure != nil:
		docs[0].Warnings = appendWarning(docs[0].Warnings, failure.Error())
		return docs, nil
	case len(docs) == 0:
		docs = []ingest.Document{{MediaType: media}}
	}
	addCaption(&docs[0], said, p.caption.Name())
	return docs, nil
}

func (p *Pool) describe(ctx context.Context, image []byte, media string) (string, error) {
	switch {
	case !captionMedia[media]:
		return "", fmt.Errorf("not described: vision models take PNG, JPEG, GIF and WebP, not %s", strings.ToUpper(strings.TrimPrefix(media, "image/")))
	case len(image) > maxCaptionImage:
		return "", fmt.Errorf("not described: an image of more than %d MB", maxCaptionImage>>20)
	}
	said, err := p.caption.Caption(ctx, image, media)
	if err != nil {
		return "", fmt.Errorf("not described: %w", err)
	}
	said = cleanText(strings.ToValidUTF8(said, ""))
	if len(said) > maxCaption {
		said = strings.ToValidUTF8(said[:maxCaption], "")
	}
	if said == "" {
		return "", fmt.Errorf("not described: %s said nothing", p.caption.Name())
	}
	return said, nil
}

// addCaption adds what a model says of a picture behind what is written in it.
// It is no text of the document: its section says whose words they are, so that
// every citation of it does.
func addCaption(d *ingest.Document, said, by string) {
	if d.Text != "" {
		d.Text += "\n\n"
	}
	start := len(d.Text)
	d.Text += said
	d.Blocks = append(d.Blocks, ingest.Block{Kind: ingest.Paragraph, Start: start, End: len(d.Text), Section: []string{captionSection + by}})
	if d.Labels == nil {
		d.Labels = map[string]string{}
	}
	d.Labels["captioner"] = by
}

// captionSection begins the section of a description.
const captionSection = "Picture, described by the model "

// pictures reads the images among the members of the file data, and the pages
// that are images. One that says nothing is a warning.
func (p *Pool) pictures(ctx context.Context, docs []ingest.Document, data []byte, err error) ([]ingest.Document, error) {
	if err != nil {
		return nil, err
	}
	kept := docs[:0]
	for i := range docs {
		d := docs[i]
		if len(d.Scans) > 0 && p.ocr != nil {
			file := data
			if d.Member != "" {
				file = d.Picture
			}
			d.Picture = nil
			if err := p.ocr.recognisePages(ctx, &d, file); err != nil {
				return nil, err
			}
		}
		if d.Picture == nil {
			kept = append(kept, d)
			continue
		}
		var read []ingest.Document
		if in := (ingest.Input{Name: d.Member, Data: d.Picture}); d.MediaType == pdfMedia && p.ocr != nil {
			read, err = p.ocr.extract(ctx, in, ingest.ErrNoText)
		} else {
			read, err = p.picture(ctx, in, d.MediaType, ingest.ErrNoText)
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil:
			read[0].Member = d.Member
			kept = append(kept, read[0])
		case len(kept) > 0:
			kept[0].Warnings = appendWarning(kept[0].Warnings, d.Member+": "+err.Error())
		}
	}
	if !hasText(kept) {
		return nil, fmt.Errorf("%w, nor was any recognised in its images", ingest.ErrNoText)
	}
	return kept, nil
}
