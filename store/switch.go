package store

import "context"

// Switcher is a store whose collection can be given to another model while the
// vectors of the present one go on answering. Both implementations are.
type Switcher interface {
	// Switching returns the state of the collection's models.
	Switching(ctx context.Context) (SwitchStatus, error)

	// BeginSwitch begins a switch to a model, or resumes one that was broken
	// off; what it had embedded is kept. It fails if the collection has that
	// model, or while a switch to a third one is under way. A switch to the
	// model before the last switch takes over the vectors of then.
	BeginSwitch(ctx context.Context, m Model) (Switch, error)

	// Rollback returns to the model before the last switch in one step.
	// Documents that changed since then wait for vectors of that model.
	Rollback(ctx context.Context) error

	// DropPrevious deletes what Rollback would return to, if there is something.
	DropPrevious(ctx context.Context) error
}

// Switch builds the vectors of another model beside those in use. It may be
// broken off at any point; BeginSwitch resumes it.
type Switch interface {
	// Pending is [Store.Pending] of the vectors that are being built.
	Pending(ctx context.Context, limit int) ([]Point, error)

	// SetVectors is [Store.SetVectors] of the vectors that are being built.
	SetVectors(ctx context.Context, vectors []PointVector) error

	// Sync brings what is being built up to date with the documents: those that
	// changed since it was last called are pending afterwards.
	Sync(ctx context.Context) error

	// Commit makes the new vectors the ones in use, in one step, and keeps the
	// old ones for Rollback in place of any older ones. Points that still lack a
	// vector go on waiting for it. The store's handle is of the old model
	// afterwards: open the collection again with the new one. Readers that were
	// open with the old model get a *ModelMismatchError or ErrDimension from
	// dense searches and go on with sparse ones.
	Commit(ctx context.Context) error

	// Abandon ends the switch and deletes what was being built.
	Abandon(ctx context.Context) error
}

// SwitchStatus says which models a collection has, and how far a switch is.
type SwitchStatus struct {
	Current  Model
	Next     Model // zero when no switch is under way
	Previous Model // that Rollback returns to; zero when there is none
	Points   int   // that Next needs vectors for; 0 when no switch is under way
	Embedded int   // of them
}
