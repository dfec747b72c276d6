package ask

import "context"

// standalone returns the question as it is to be searched.
func (a *Assistant) standalone(ctx context.Context, question string, history []Turn) string {
	return question
}
