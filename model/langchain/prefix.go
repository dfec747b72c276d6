package langchain

import "strings"

// prefixes are put before the texts of a model that was trained with them.
type prefixes struct{ query, passage string }

// known prefixes by a part of the model's name, most specific first; from the
// models' own cards.
var known = []struct {
	part string
	prefixes
}{
	{"nomic-embed", prefixes{"search_query: ", "search_document: "}},
	{"e5-mistral", prefixes{"Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ", ""}},
	{"multilingual-e5-large-instruct", prefixes{"Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ", ""}},
	{"e5-", prefixes{"query: ", "passage: "}},
	{"snowflake-arctic-embed2", prefixes{"query: ", ""}},
	{"snowflake-arctic-embed", prefixes{"Represent this sentence for searching relevant passages: ", ""}},
	{"mxbai-embed", prefixes{"Represent this sentence for searching relevant passages: ", ""}},
	{"bge-large-en", prefixes{"Represent this sentence for searching relevant passages: ", ""}},
	{"bge-base-en", prefixes{"Represent this sentence for searching relevant passages: ", ""}},
	{"bge-small-en", prefixes{"Represent this sentence for searching relevant passages: ", ""}},
	{"bge-large-zh", prefixes{"为这个句子生成表示以用于检索相关文章：", ""}},
	{"bge-base-zh", prefixes{"为这个句子生成表示以用于检索相关文章：", ""}},
	{"bge-small-zh", prefixes{"为这个句子生成表示以用于检索相关文章：", ""}},
	{"qwen3-embedding", prefixes{"Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ", ""}},
	{"embeddinggemma", prefixes{"task: search result | query: ", "title: none | text: "}},
}

func prefixesOf(o Options) prefixes {
	var p prefixes
	name := strings.ToLower(o.Model)
	for _, k := range known {
		if strings.Contains(name, k.part) {
			p = k.prefixes
			break
		}
	}
	if o.QueryPrefix != nil {
		p.query = *o.QueryPrefix
	}
	if o.PassagePrefix != nil {
		p.passage = *o.PassagePrefix
	}
	return p
}
