// Package eval measures retrieval and answers on question sets.
//
// Bottom up: [ReadSet] reads a set in the layout of BEIR; [Score] holds a ranked
// list of documents against what is relevant, by the definitions of trec_eval; a
// [Run] is the ranked lists of all questions and can be written, read and
// compared; [Retrieval] indexes a set's documents, asks its questions and
// reports. [Init] makes a set of indexed documents for people to fill in.
package eval
