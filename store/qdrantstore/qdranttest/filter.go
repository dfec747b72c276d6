package qdranttest

import (
	"strings"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

type matcher func(*point) bool

// compile turns a filter into a function; nil selects every point.
func compile(f *qdrant.Filter) (matcher, error) {
	var must, not, should, some []matcher
	for _, group := range []struct {
		from []*qdrant.Condition
		to   *[]matcher
	}{{f.GetMust(), &must}, {f.GetMustNot(), &not}, {f.GetShould(), &should}, {f.GetMinShould().GetConditions(), &some}} {
		for _, c := range group.from {
			m, err := compileCondition(c)
			if err != nil {
				return nil, err
			}
			*group.to = append(*group.to, m)
		}
	}
	least := f.GetMinShould().GetMinCount()
	return func(p *point) bool {
		for _, m := range must {
			if !m(p) {
				return false
			}
		}
		for _, m := range not {
			if m(p) {
				return false
			}
		}
		count := func(list []matcher) (n uint64) {
			for _, m := range list {
				if m(p) {
					n++
				}
			}
			return n
		}
		return (len(should) == 0 || count(should) > 0) && (f.GetMinShould() == nil || count(some) >= least)
	}, nil
}

func compileCondition(c *qdrant.Condition) (matcher, error) {
	switch v := c.GetConditionOneOf().(type) {
	case *qdrant.Condition_Field:
		return compileField(v.Field)
	case *qdrant.Condition_Filter:
		return compile(v.Filter)
	case *qdrant.Condition_IsEmpty:
		key := v.IsEmpty.GetKey()
		return func(p *point) bool { return len(values(p.payload, key)) == 0 }, nil
	case *qdrant.Condition_IsNull:
		key := v.IsNull.GetKey()
		return func(p *point) bool {
			for _, x := range values(p.payload, key) {
				if _, ok := x.GetKind().(*qdrant.Value_NullValue); ok {
					return true
				}
			}
			return false
		}, nil
	case *qdrant.Condition_HasId:
		set := map[string]bool{}
		for _, x := range v.HasId.GetHasId() {
			id, err := idOf(x)
			if err != nil {
				return nil, err
			}
			set[id] = true
		}
		return func(p *point) bool { return set[p.id] }, nil
	case *qdrant.Condition_HasVector:
		name := v.HasVector.GetHasVector()
		return func(p *point) bool {
			_, d := p.dense[name]
			_, s := p.sparse[name]
			return d || s
		}, nil
	}
	return nil, status.Errorf(codes.Unimplemented, "qdranttest: condition %T", c.GetConditionOneOf())
}

func compileField(f *qdrant.FieldCondition) (matcher, error) {
	var one func(*qdrant.Value) bool
	switch {
	case f.GetMatch() != nil:
		m, err := compileMatch(f.GetMatch())
		if err != nil {
			return nil, err
		}
		one = m
	case f.GetRange() != nil:
		r := f.GetRange()
		one = func(v *qdrant.Value) bool {
			var x float64
			switch k := v.GetKind().(type) {
			case *qdrant.Value_IntegerValue:
				x = float64(k.IntegerValue)
			case *qdrant.Value_DoubleValue:
				x = k.DoubleValue
			default:
				return false
			}
			return (r.Gte == nil || x >= *r.Gte) && (r.Gt == nil || x > *r.Gt) && (r.Lte == nil || x <= *r.Lte) && (r.Lt == nil || x < *r.Lt)
		}
	case f.GetDatetimeRange() != nil:
		r := f.GetDatetimeRange()
		at := func(t *timestamppb.Timestamp) int64 { return micros(t.AsTime()) }
		one = func(v *qdrant.Value) bool {
			x, ok := datetime(v)
			return ok && (r.Gte == nil || x >= at(r.Gte)) && (r.Gt == nil || x > at(r.Gt)) && (r.Lte == nil || x <= at(r.Lte)) && (r.Lt == nil || x < at(r.Lt))
		}
	case f.GetValuesCount() != nil:
		r, key := f.GetValuesCount(), f.GetKey()
		return func(p *point) bool {
			n := uint64(len(values(p.payload, key)))
			return (r.Gte == nil || n >= *r.Gte) && (r.Gt == nil || n > *r.Gt) && (r.Lte == nil || n <= *r.Lte) && (r.Lt == nil || n < *r.Lt)
		}, nil
	default:
		return nil, status.Errorf(codes.Unimplemented, "qdranttest: condition on %s", f.GetKey())
	}
	key := f.GetKey()
	return func(p *point) bool {
		for _, v := range values(p.payload, key) {
			if one(v) {
				return true
			}
		}
		return false
	}, nil
}

func compileMatch(m *qdrant.Match) (func(*qdrant.Value) bool, error) {
	text := func(v *qdrant.Value) (string, bool) {
		k, ok := v.GetKind().(*qdrant.Value_StringValue)
		if !ok {
			return "", false
		}
		return k.StringValue, true
	}
	number := func(v *qdrant.Value) (int64, bool) {
		k, ok := v.GetKind().(*qdrant.Value_IntegerValue)
		if !ok {
			return 0, false
		}
		return k.IntegerValue, true
	}
	switch v := m.GetMatchValue().(type) {
	case *qdrant.Match_Keyword:
		return func(x *qdrant.Value) bool { s, ok := text(x); return ok && s == v.Keyword }, nil
	case *qdrant.Match_Integer:
		return func(x *qdrant.Value) bool { n, ok := number(x); return ok && n == v.Integer }, nil
	case *qdrant.Match_Boolean:
		return func(x *qdrant.Value) bool {
			k, ok := x.GetKind().(*qdrant.Value_BoolValue)
			return ok && k.BoolValue == v.Boolean
		}, nil
	case *qdrant.Match_Text:
		return func(x *qdrant.Value) bool { s, ok := text(x); return ok && strings.Contains(s, v.Text) }, nil
	case *qdrant.Match_Keywords:
		set := map[string]bool{}
		for _, s := range v.Keywords.GetStrings() {
			set[s] = true
		}
		return func(x *qdrant.Value) bool { s, ok := text(x); return ok && set[s] }, nil
	case *qdrant.Match_ExceptKeywords:
		set := map[string]bool{}
		for _, s := range v.ExceptKeywords.GetStrings() {
			set[s] = true
		}
		return func(x *qdrant.Value) bool { s, ok := text(x); return ok && !set[s] }, nil
	case *qdrant.Match_Integers:
		set := map[int64]bool{}
		for _, n := range v.Integers.GetIntegers() {
			set[n] = true
		}
		return func(x *qdrant.Value) bool { n, ok := number(x); return ok && set[n] }, nil
	}
	return nil, status.Errorf(codes.Unimplemented, "qdranttest: match %T", m.GetMatchValue())
}

// values returns the values at a key, those of a list one by one. Dots lead
// into structures.
func values(payload map[string]*qdrant.Value, key string) []*qdrant.Value {
	v, ok := payload[key]
	if !ok {
		if head, rest, dotted := strings.Cut(key, "."); dotted {
			return values(payload[head].GetStructValue().GetFields(), rest)
		}
		return nil
	}
	if l, ok := v.GetKind().(*qdrant.Value_ListValue); ok {
		return l.ListValue.GetValues()
	}
	return []*qdrant.Value{v}
}

// datetime reads a time as the server keeps it: in microseconds.
func datetime(v *qdrant.Value) (int64, bool) {
	k, ok := v.GetKind().(*qdrant.Value_StringValue)
	if !ok {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, k.StringValue)
	if err != nil {
		return 0, false
	}
	return micros(t), true
}

func micros(t time.Time) int64 { return t.UnixMicro() }
