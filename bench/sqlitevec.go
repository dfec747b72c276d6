package main

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	_ "modernc.org/sqlite/vec" // module vec0
)

func vectorBlob(v []float32) []byte {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return raw
}

func indexSQLiteVec(ctx context.Context, s *settings, dir string) error {
	db, err := openSQLite(dir)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, fmt.Sprintf(`CREATE VIRTUAL TABLE vectors USING vec0(vector float[%d] distance_metric=cosine)`, s.corpus.Dimension)); err != nil {
		return err
	}
	return inTransactions(ctx, db, `INSERT INTO vectors(rowid, vector) VALUES (?, ?)`, func(insert func(...any) error) error {
		return s.corpus.eachVector(func(n int, v []float32) error { return insert(n, vectorBlob(v)) })
	})
}

type vecSearcher struct {
	db    *sql.DB
	query *sql.Stmt
}

func openSQLiteVec(ctx context.Context, _ *settings, dir string) (searcher, error) {
	db, err := openSQLite(dir)
	if err != nil {
		return nil, err
	}
	statement, err := db.PrepareContext(ctx, fmt.Sprintf(`SELECT rowid FROM vectors WHERE vector MATCH ? AND k = %d ORDER BY distance`, limit))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &vecSearcher{db, statement}, nil
}

func (v *vecSearcher) search(ctx context.Context, q *question) ([]int, error) {
	return rowIDs(v.query.QueryContext(ctx, vectorBlob(q.vector)))
}

func (v *vecSearcher) Close() error { return errors.Join(v.query.Close(), v.db.Close()) }
