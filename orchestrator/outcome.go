package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"drydock"
)

// The texts of results that no action wrote.
const (
	textFailed     = "The action failed."
	textTerminated = "The action was terminated by request."
	textStopped    = "The orchestrator was stopped before the action had ended."
)

// outcome decides what becomes of a task whose action has returned.
func (r *Run) outcome(result drydock.Result, err error) outcome {
	cause := context.Cause(r.ctx)
	switch {
	case errors.Is(cause, ErrTaken) || errors.Is(cause, drydock.ErrLeaseLost):
		return outcome{run: r, discard: true}
	case err == nil:
		status, err := r.status(&result)
		if err != nil {
			return r.failed(result, textFailed, err.Error())
		}
		result.Status = status
		return r.finished(result)
	case errors.Is(cause, ErrTerminated):
		return r.stopped(result, textTerminated, err)
	case errors.Is(cause, ErrShutdown) && r.handler.Repeatable:
		return outcome{run: r, requeue: true}
	case errors.Is(cause, ErrShutdown):
		return r.failed(result, textStopped, withError(textStopped, err))
	default:
		return r.failed(result, textFailed, err.Error())
	}
}

// giveUp decides what becomes of a task whose action does not return.
func (r *Run) giveUp() outcome {
	cause := context.Cause(r.ctx)
	switch {
	case errors.Is(cause, ErrTaken) || errors.Is(cause, drydock.ErrLeaseLost):
		return outcome{run: r, discard: true}
	case errors.Is(cause, ErrShutdown) && r.handler.Repeatable:
		return outcome{run: r, requeue: true}
	}
	return r.failed(drydock.Result{}, textFailed,
		fmt.Sprintf("The action did not stop when it was told to (%v). It was abandoned and may still be at work.", cause))
}

// status decides the result of an action that returned no error: a task that has ended has a result.
func (r *Run) status(result *drydock.Result) (drydock.ResultStatus, error) {
	switch result.Status {
	case drydock.ResultSuccess, drydock.ResultPartial, drydock.ResultFailure:
		return result.Status, nil
	case drydock.ResultIncomplete, "":
	default:
		return "", fmt.Errorf("%w: the action answered with result status %.60q", drydock.ErrInvalid, result.Status)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	children := drydock.Rollup(drydock.Result{}, r.task.Retry, r.children, "").Status
	failed := r.errors > 0 || len(result.Failures) > 0 || children == drydock.ResultFailure
	switch {
	case failed && (len(result.Successes) > 0 || children == drydock.ResultSuccess), children == drydock.ResultPartial:
		return drydock.ResultPartial, nil
	case failed:
		return drydock.ResultFailure, nil
	default:
		return drydock.ResultSuccess, nil
	}
}

// finished is the end of a task with the result that its action gave.
func (r *Run) finished(result drydock.Result, more ...drydock.Message) outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	result.ErrorCount = r.errors
	for i := range more {
		more[i] = r.complete(more[i])
		if more[i].Error {
			result.ErrorCount++
		}
	}
	messages := r.final
	if len(more) > 0 {
		messages = append(messages[:len(messages):len(messages)], more...)
	}
	return outcome{run: r, finish: drydock.TaskFinish{ID: r.task.ID, Attempt: r.task.Attempt, Result: result, Messages: messages, Resolution: r.resolved}}
}

// failed is the end of a task as a failure: what it achieved stays listed, text is its last message.
func (r *Run) failed(result drydock.Result, message, text string) outcome {
	f := failure(r.task.ID, result, text)
	if result.Message == "" {
		f.Result.Message = message
	}
	return r.finished(f.Result, f.Messages...)
}

// stopped is the end of a task whose action heeded a request to end: a failure, but not an error.
func (r *Run) stopped(result drydock.Result, text string, err error) outcome {
	result.Status = drydock.ResultFailure
	if result.Message == "" {
		result.Message = text
	}
	return r.finished(result, drydock.Message{Text: withError(text, err)})
}

// failure is a failed result with one error message.
func failure(id drydock.TaskID, result drydock.Result, text string) drydock.TaskFinish {
	text = clean(text, drydock.MaxMessageText)
	result.Status = drydock.ResultFailure
	if result.Message == "" {
		result.Message = textFailed
	}
	if result.Reason == "" {
		result.Reason, _, _ = strings.Cut(clean(text, 1000), "\n")
	}
	return drydock.TaskFinish{ID: id, Result: result, Messages: []drydock.Message{
		{Text: text, Error: true, ContextType: "task", Context: string(id)},
	}}
}

// withError adds what an action said when it was stopped, unless it said only that it was.
func withError(text string, err error) string {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrTerminated) || errors.Is(err, ErrShutdown) {
		return text
	}
	return clean(text+" It said: "+err.Error(), drydock.MaxMessageText)
}

// clean makes text that is not ours fit to be stored: valid UTF-8 without NUL, at most limit bytes.
func clean(text string, limit int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= limit {
		return text
	}
	const mark = " […]"
	end := limit - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}
