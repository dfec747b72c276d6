"""Runs one engine of the benchmark that has a Python package.

Takes the flags of a child process of the benchmark, and prints what a child
prints: one JSON object on standard output.
"""

import argparse
import json
import os
import re
import resource
import sys
import time

flags = argparse.ArgumentParser(prefix_chars="-")
for name in ("dir", "engine", "phase", "texts", "vectors", "questions", "question-vectors", "qdrant"):
    flags.add_argument("-" + name, default="")
for name in ("threads", "rounds", "dim", "chunks", "asked", "patience"):
    flags.add_argument("-" + name, type=int, default=1)
o = flags.parse_args()
LIMIT = 10


def lines(path, limit):
    with open(path, encoding="utf-8", newline="\n") as f:
        for n, line in enumerate(f):
            if n == limit:
                return
            line = line.rstrip("\n")
            if path.endswith(".jsonl"):
                line = next(v for k, v in json.loads(line).items() if k.lower() == "text")
            yield line


def vectors(path, limit):
    import numpy

    v = numpy.fromfile(path, dtype="<f4", count=limit * o.dim).reshape(-1, o.dim)
    return v / numpy.linalg.norm(v, axis=1, keepdims=True)


def tantivy_index():
    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_text_field("text", stored=True, tokenizer_name="en_stem")
    schema.add_integer_field("number", stored=True, fast=True)
    index = tantivy.Index(schema.build(), path=o.dir)
    writer = index.writer(128_000_000, o.threads)
    for n, text in enumerate(lines(o.texts, o.chunks)):
        writer.add_document(tantivy.Document(text=text, number=n))
    writer.commit()
    writer.wait_merging_threads()


def tantivy_open():
    import tantivy

    index = tantivy.Index.open(o.dir)
    index.reload()
    searcher = index.searcher()
    # Small letters, for AND, OR and NOT are operators.
    asked = [re.sub(r"[^\w\s]", " ", q).lower() for q in lines(o.questions, o.asked)]

    def search(i):
        try:
            query = index.parse_query(asked[i], ["text"])
        except ValueError:  # its words are too long for the tokenizer: nothing is left to ask
            return []
        hits = searcher.search(query, LIMIT).hits
        return [searcher.doc(address)["number"][0] for _, address in hits]

    return search


def faiss_index():
    import faiss

    faiss.omp_set_num_threads(o.threads)
    v = vectors(o.vectors, o.chunks)
    if "sq8" in o.engine:
        index = faiss.IndexScalarQuantizer(o.dim, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
        index.train(v)
    else:
        index = faiss.IndexFlatIP(o.dim)
    index.add(v)
    faiss.write_index(index, os.path.join(o.dir, "index"))


def faiss_open():
    import faiss

    faiss.omp_set_num_threads(o.threads)
    index = faiss.read_index(os.path.join(o.dir, "index"))
    asked = vectors(getattr(o, "question_vectors"), o.asked)
    return lambda i: index.search(asked[i : i + 1], LIMIT)[1][0].tolist()


def quantile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(p * len(values)))]


kind = "tantivy" if o.engine.startswith("tantivy") else "faiss"
if o.phase == "index":
    globals()[kind + "_index"]()
    sys.exit()
search = globals()[kind + "_open"]()
p50, p95, cpu, hits = [], [], [], [[] for _ in range(o.asked)]
for r in range(-1, o.rounds):
    took, began = [], time.process_time()
    for i in range(o.asked):
        start = time.perf_counter()
        hits[i] = search(i)
        took.append((time.perf_counter() - start) * 1e3)
    slow = sum(took) > o.patience * 1e3
    if r >= 0 or slow:
        cpu.append((time.process_time() - began) * 1e3 / o.asked)
        p50.append(quantile(took, 0.5))
        p95.append(quantile(took, 0.95))
    if slow:
        break
peak = 0
if sys.platform == "linux":
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
json.dump({"P50": quantile(p50, 0.5), "P95": quantile(p95, 0.5), "CPU": quantile(cpu, 0.5), "Peak": peak, "Hits": hits}, sys.stdout)
