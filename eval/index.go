package eval

import (
	"context"
	"fmt"
	"time"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/neutral"
	"github.com/lore-kb/lore/store"
)

// Index puts documents of a set into a store as the write path does with plain
// text: cut at sentence ends, analysed, without vectors. The path of a stored
// document is its ID in the set.
func Index(ctx context.Context, st store.Store, docs []Document) error {
	const batch = 256
	root := store.RootID("eval:")
	for from := 0; from < len(docs); from += batch {
		part := docs[from:min(from+batch, len(docs))]
		out := make([]store.Document, 0, len(part))
		for _, d := range part {
			out = append(out, document(root, d))
		}
		if err := st.Put(ctx, out); err != nil {
			return fmt.Errorf("index question set: %w", err)
		}
	}
	return nil
}

func document(root string, d Document) store.Document {
	id := store.DocumentID("eval", root, d.ID)
	version := store.Digest(d.Title + "\x00" + d.Text)
	doc := store.Document{
		DocumentInfo: store.DocumentInfo{
			ID: id, Root: root, Path: d.ID, URI: d.ID, Title: d.Title, MediaType: "text/plain",
			Language: analysis.Language(d.Text), Version: version, Content: version, Size: int64(len(d.Text)),
			IndexedAt: time.Unix(0, 0).UTC(), Status: store.StatusOK, Bytes: len(d.Text),
		},
		Text: d.Text,
	}
	for i, r := range cut(d.Text) {
		text := d.Text[r.Start:r.End]
		indices, values := analysis.Passage(analysis.Fields{Title: d.Title, Text: text})
		doc.Points = append(doc.Points, store.Point{
			ID:     store.PointID(id, version, i),
			Digest: store.Digest(embedded(d.Title, text)),
			Payload: store.Payload{
				DocumentID: id, Version: version, Ordinal: i, Title: d.Title, URI: d.ID, Path: d.ID, Root: root,
				MediaType: "text/plain", Language: analysis.Language(text), Line: 1,
				Start: r.Start, End: r.End, Text: text,
			},
			Sparse: store.SparseVector{Indices: indices, Values: values},
		})
	}
	return doc
}

// embedded is the text of a chunk that is embedded.
func embedded(title, text string) string {
	if title == "" {
		return text
	}
	return title + "\n" + text
}

const chunkTokens = 320

// cut returns the ranges of text's chunks: sentences gathered up to a budget of
// tokens. Text that fits is one chunk.
func cut(text string) []analysis.Range {
	if analysis.Tokens(text) <= chunkTokens {
		return []analysis.Range{{Start: 0, End: len(text)}}
	}
	var out []analysis.Range
	tokens := 0
	for _, s := range analysis.Sentences(text) {
		n := analysis.Tokens(text[s.Start:s.End])
		if len(out) == 0 || tokens+n > chunkTokens {
			out = append(out, s)
			tokens = n
			continue
		}
		out[len(out)-1].End = s.End
		tokens += n
	}
	return out
}

// Embed fills in the vectors that points of st still lack.
func Embed(ctx context.Context, st store.Store, e model.Embedder) error {
	return embed(ctx, st, e, func(int, int) {})
}

func embed(ctx context.Context, st store.Store, e model.Embedder, progress func(done, total int)) error {
	batch := e.Info().Batch
	if batch <= 0 {
		batch = 16
	}
	stats, err := st.Stats(ctx)
	if err != nil {
		return fmt.Errorf("embed question set: %w", err)
	}
	centre, err := centreOf(ctx, st, e, stats.Embedded > 0)
	if err != nil {
		return fmt.Errorf("embed question set: %w", err)
	}
	done, total := stats.Embedded, stats.Points
	for {
		points, err := st.Pending(ctx, 16*batch)
		if err != nil {
			return fmt.Errorf("embed question set: %w", err)
		}
		if len(points) == 0 {
			return nil
		}
		for from := 0; from < len(points); from += batch {
			part := points[from:min(from+batch, len(points))]
			texts := make([]string, len(part))
			for i, p := range part {
				texts[i] = embedded(p.Payload.Title, p.Payload.Text)
			}
			vectors, details, err := model.EmbedPassages(ctx, e, texts)
			if err != nil {
				return fmt.Errorf("embed question set: %w", err)
			}
			set := make([]store.PointVector, len(part))
			for i, p := range part {
				v := centre.Less(vectors[i], p.Payload.Language, model.TaskPassage.String())
				set[i] = store.PointVector{ID: p.ID, Digest: p.Digest, Vector: v}
				if details != nil {
					set[i].Detail = details[i]
				}
			}
			if err := st.SetVectors(ctx, set); err != nil {
				return fmt.Errorf("embed question set: %w", err)
			}
			done += len(part)
			progress(done, total)
		}
	}
}

// centreOf finds what the vectors of a model have in common, as the write path
// does: what the settings remember, or else, before the first vector is stored,
// that of neutral text, which they remember then.
func centreOf(ctx context.Context, st store.Store, e model.Embedder, stored bool) (store.Centre, error) {
	info := e.Info()
	if info.Centred {
		return store.Centre{}, nil
	}
	settings, err := st.Settings(ctx)
	if err != nil {
		return store.Centre{}, err
	}
	if c, known := settings.Centres[info.Fingerprint]; known || stored {
		return c, nil
	}
	learnt, err := neutral.Learn(ctx, e.Embed)
	if err != nil {
		return store.Centre{}, err
	}
	c := store.Centre(learnt)
	settings.Centres = map[string]store.Centre{info.Fingerprint: c}
	return c, st.SetSettings(ctx, settings)
}
