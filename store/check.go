package store

import "context"

// Problem is something wrong with a store, and what to do about it; each one
// line, fit for a user.
type Problem struct{ What, Fix string }

func (p Problem) String() string {
	if p.Fix == "" {
		return p.What
	}
	return p.What + ": " + p.Fix
}

// Checker is a store that can examine itself.
type Checker interface {
	// Check returns what is wrong, in a fixed order; nothing when all is well.
	Check(ctx context.Context) ([]Problem, error)
}

// Repairer is a store that can mend itself from the text it holds.
type Repairer interface {
	Repair(ctx context.Context) error
}
