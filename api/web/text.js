// Words of the interface in both languages, chosen by the browser's.

const words = {
  en: {
    skip: "Skip to content", views: "Views", ask: "Ask", search: "Search", documents: "Documents", status: "Status", reader: "Document", keys: "Keyboard shortcuts",
    askTitle: "Ask your documents", askHint: "Every statement of an answer carries a quote that was checked against its document.",
    askLabel: "Question", askPlace: "How many days of leave can I carry over?", further: "Ask a follow-up question", send: "Ask", stop: "Stop", find: "Search",
    searchTitle: "Search", searchLabel: "Search words", searchPlace: "certificate renewal", thinking: "Looking through the documents …", writing: "Checking every statement. Grey text is not verified yet.",
    answered: "answered", partial: "partly answered", not_found: "not in the documents",
    removed: n => `${n} statement${n === 1 ? "" : "s"} removed`, nearest: "Nearest passages", sources: "Sources", copy: "Copy with sources", copied: "Copied", copyFailed: "The browser did not allow it",
    fresh: "New conversation", asked: "Searched for: ", close: "Close", page: n => `page ${n}`, line: n => `line ${n}`, lines: (a, b) => `lines ${a}–${b}`,
    no_quote: "no quote supports it", quote_not_found: "the quote is not in the document", figure_mismatch: "a figure or name differs", wrong_document: "the document is another one", unsupported: "nothing supports it",
    documentsTitle: "Documents", path: "Path", title: "Title", chunks: "Passages", state: "State", ok: "ok", failed: "failed", stale: "older version", size: "Size", name: "Name",
    firstTitle: "Nothing is indexed yet", first: "Drop files or whole folders above: text, Markdown, PDF, Word, HTML and more.", firstFolder: "Or index a folder where the server runs:",
    firstThen: "As soon as the first file is read, questions about it are answered.", firstAsk: "Upload documents, or index a folder, and ask again here.", toDocuments: "Add documents",
    empty: "Nothing is indexed yet.", more: "More", nothing: "Nothing found.", nothingHere: "No document is like that.", all: "All", failures: "Could not be read", topFolder: "Top folder",
    filterPath: "Filter by path", howMany: (n, more) => `${n}${more ? "+" : ""} document${n === "1" ? "" : "s"}`,
    statusTitle: "Status", collection: "Collection", count: "Documents", unread: "Could not be read", vectors: "Passages with vectors", text: "Text", model: "Embedding model", languages: "Languages", none: "none",
    token: "This server asks for a token.", tokenLabel: "Token", tokenSend: "Use it", wrong: "Something went wrong: ", offline: "The server does not answer.",
    today: "Today", yesterday: "Yesterday", thisWeek: "Last seven days", olderTalks: "Earlier", over: n => `${n} document${n === "1" ? "" : "s"}`, overPassages: n => `${n} passages`,
    collections: "Collections", newCollection: "New collection", collectionName: "Name of a new collection", collectionHint: "Sets of documents that are asked, searched and guarded apart.", make: "Make", use: "Use", inUse: "in use",
    sureCollection: name => `Remove the collection ${name} and the files that were uploaded into it? Folders that were indexed stay.`, badName: "Letters of a to z, digits, - and _",
    conversations: "Conversations", remove: "Remove", export: "Export as Markdown", rename: "Rename", newName: "New name", good: "Good answer", bad: "Bad answer", rate: "Was this answer good?", thanks: "Thank you.", stopped: "Stopped.",
    drop: "Drop files or folders here, or click to choose", refresh: "Check folders for changes", indexing: "Indexing", original: "Original", actions: "Actions",
    sure: path => `Remove ${path}? An uploaded file is deleted; a file of a folder leaves the index until the folder is checked again.`,
    sureTalk: title => `Remove the conversation “${title}”?`,
    scan: "Looking for files", index: "Reading", embed: "Making vectors", queued: "Waiting", running: "Working", done_: "Done", cancelled: "Cancelled", uploading: n => `Sending ${n} file${n === 1 ? "" : "s"} …`,
    done: r => `${r.new} new, ${r.updated} updated, ${r.removed} removed, ${r.failed} failed`, seconds: n => `${n} s left`, minutes: n => `${n} min left`, gone: "this document is no longer indexed",
    degraded: reason => reason,
    filters: "Filters", after: "Not before", before: "Before", language: "Language", any: "any", type: "Type", label: "Label", labelPlace: "team=hr",
    sparse: "words", dense: "meaning", terms: "Matched", rank: n => `rank ${n}`, score: "score", why: "Why here",
    whyNot: "A document is missing?", whyNotHint: "Name a document that you expected, by its path or title, and see where the search lost it.", whyNotDo: "Explain", whyNotLabel: "Missing document",
    lost: { "": n => `It is passage ${n} of the result.`, stored: "It is not among the readable documents of this collection.", filter: "A filter leaves it out.", legs: "It is not near enough to the question, by words or by meaning.", phrase: "It does not hold the quoted phrase.", rank: "Other passages rank before it.", duplicate: "A passage that ranks before it says the same." },
    whyNotFirst: "Search for something first.",
    asText: "Text", asPaper: "Pages", bigger: "Zoom in", smaller: "Zoom out", back: "Previous page", next: "Next page", of: (a, b) => `${a} of ${b}`, pageNumber: "Page",
    fallen: "The passage is on this page, but its words could not be matched with what the page draws.", noPaper: "The pages cannot be shown: ", opening: "Opening …",
    latency: "Latency of the last answers and searches", noRequests: "No answers or searches yet.", ms: "milliseconds", now: "now", p50: "median", p95: "95th percentile",
    answers: "Answers", since: date => `since ${date}`, lacking: "Questions without an answer", lackingHint: "What the documents lack. Kept on the server for its admins.", lackingNone: "None so far.", times: n => `${n}×`, forget: "Forget them",
    sureForget: "Forget all questions without an answer?",
    evals: "Measured quality", evalsHint: "Reports of lore eval. Put more here:", overview: "Overview",
    evalNames: { "ndcg@10": "Ranking (nDCG@10)", "recall@10": "Found in 10 (recall)", "mrr@10": "First hit (MRR@10)", "answers@5": "Answer in 5", containment: "Quote holds the answer", citation_precision: "Citations to the point", citation_recall: "Answers cited rightly", verified_citations: "Quotes verified", refused_unanswerable: "Refused rightly", refused_answerable: "Refused wrongly", auroc: "Confidence (AUROC)" },
    shortcuts: [["/", "To the question or search box"], ["g a", "Ask"], ["g s", "Search"], ["g d", "Documents"], ["g t", "Status"], ["n", "New conversation"], ["[ ]", "Previous or next source"], ["+ −", "Zoom pages"], ["Esc", "Close the document"], ["Enter", "Send; Shift+Enter breaks the line"], ["?", "This list"]],
  },
  zh: {
    skip: "跳到正文", views: "视图", ask: "提问", search: "搜索", documents: "文档", status: "状态", reader: "文档", keys: "键盘快捷键",
    askTitle: "向您的文档提问", askHint: "回答中的每句话都附有引文，并已与原文逐字核对。",
    askLabel: "问题", askPlace: "年假可以顺延几天？", further: "继续追问", send: "提问", stop: "停止", find: "搜索",
    searchTitle: "搜索", searchLabel: "搜索词", searchPlace: "证书续期", thinking: "正在查找文档……", writing: "正在逐句核对。灰色文字尚未核对。",
    answered: "已回答", partial: "部分回答", not_found: "文档中没有",
    removed: n => `已删去 ${n} 句`, nearest: "最接近的段落", sources: "来源", copy: "连同来源复制", copied: "已复制", copyFailed: "浏览器不允许复制",
    fresh: "新对话", asked: "实际检索：", close: "关闭", page: n => `第 ${n} 页`, line: n => `第 ${n} 行`, lines: (a, b) => `第 ${a}–${b} 行`,
    no_quote: "没有引文支持", quote_not_found: "引文不在文档中", figure_mismatch: "数字或名称不符", wrong_document: "引错了文档", unsupported: "没有依据",
    documentsTitle: "文档", path: "路径", title: "标题", chunks: "段落", state: "状态", ok: "正常", failed: "失败", stale: "旧版本", size: "大小", name: "名称",
    firstTitle: "尚未建立索引", first: "把文件或整个文件夹拖到上面：文本、Markdown、PDF、Word、HTML 等。", firstFolder: "或在服务器所在的机器上索引一个文件夹：",
    firstThen: "第一个文件读完后即可提问。", firstAsk: "请上传文件或索引一个文件夹，然后再来提问。", toDocuments: "添加文档",
    empty: "尚未建立索引。", more: "更多", nothing: "没有找到。", nothingHere: "没有这样的文档。", all: "全部", failures: "无法读取", topFolder: "顶层文件夹",
    filterPath: "按路径筛选", howMany: (n, more) => `${n}${more ? "+" : ""} 个文档`,
    statusTitle: "状态", collection: "集合", count: "文档数", unread: "无法读取", vectors: "已有向量的段落", text: "文本量", model: "嵌入模型", languages: "语言", none: "无",
    token: "此服务器需要令牌。", tokenLabel: "令牌", tokenSend: "使用", wrong: "出错了：", offline: "服务器没有响应。",
    today: "今天", yesterday: "昨天", thisWeek: "最近七天", olderTalks: "更早", over: n => `${n} 个文档`, overPassages: n => `${n} 个段落`,
    collections: "集合", newCollection: "新集合", collectionName: "新集合的名称", collectionHint: "彼此分开的文档集，提问、搜索和权限各自独立。", make: "创建", use: "使用", inUse: "使用中",
    sureCollection: name => `删除集合 ${name} 及上传到其中的文件？已索引的文件夹会保留。`, badName: "只能用英文字母、数字、- 和 _",
    conversations: "对话", remove: "删除", export: "导出为 Markdown", rename: "重命名", newName: "新名称", good: "回答有用", bad: "回答没用", rate: "这个回答好吗？", thanks: "谢谢。", stopped: "已停止。",
    drop: "将文件或文件夹拖到这里，或点击选择", refresh: "检查文件夹的变化", indexing: "正在索引", original: "原文件", actions: "操作",
    sure: path => `删除 ${path}？上传的文件会被删除；文件夹中的文件只从索引中移除，下次检查时会重新加入。`,
    sureTalk: title => `删除对话“${title}”？`,
    scan: "查找文件", index: "读取", embed: "生成向量", queued: "等待中", running: "进行中", done_: "完成", cancelled: "已取消", uploading: n => `正在发送 ${n} 个文件……`,
    done: r => `新增 ${r.new}，更新 ${r.updated}，移除 ${r.removed}，失败 ${r.failed}`, seconds: n => `剩余 ${n} 秒`, minutes: n => `剩余 ${n} 分钟`, gone: "该文档已不在索引中",
    degraded: reason => reason.startsWith("no embedder") ? "未配置嵌入模型：只按词检索" : `检索不完整（${reason}）`,
    filters: "筛选", after: "不早于", before: "早于", language: "语言", any: "不限", type: "类型", label: "标签", labelPlace: "team=hr",
    sparse: "按词", dense: "按义", terms: "匹配词", rank: n => `第 ${n} 名`, score: "得分", why: "排名依据",
    whyNot: "少了某个文档？", whyNotHint: "填写您预期的文档路径或标题，看看它在检索的哪一步被排除。", whyNotDo: "解释", whyNotLabel: "缺少的文档",
    lost: { "": n => `它是结果中的第 ${n} 段。`, stored: "它不在此集合可读的文档中。", filter: "筛选条件排除了它。", legs: "无论按词还是按义，它与问题都不够接近。", phrase: "它不含引号中的短语。", rank: "其他段落排在它前面。", duplicate: "排在前面的段落内容与它相同。" },
    whyNotFirst: "请先搜索。",
    asText: "文本", asPaper: "原貌", bigger: "放大", smaller: "缩小", back: "上一页", next: "下一页", of: (a, b) => `${a} / ${b}`, pageNumber: "页码",
    fallen: "该段在此页，但无法与页面上的文字对应。", noPaper: "无法显示页面：", opening: "正在打开……",
    latency: "最近的回答与搜索所用时间", noRequests: "还没有回答或搜索。", ms: "毫秒", now: "现在", p50: "中位数", p95: "第 95 百分位",
    answers: "回答", since: date => `自 ${date}`, lacking: "没有答案的问题", lackingHint: "文档所缺的内容。保存在服务器上，仅管理员可见。", lackingNone: "目前没有。", times: n => `${n} 次`, forget: "清除",
    sureForget: "清除所有没有答案的问题？",
    evals: "质量测评", evalsHint: "lore eval 的报告。更多报告请放在：", overview: "概况",
    evalNames: { "ndcg@10": "排序（nDCG@10）", "recall@10": "前 10 命中率", "mrr@10": "首个命中（MRR@10）", "answers@5": "前 5 含答案", containment: "引文含答案", citation_precision: "引文切题", citation_recall: "回答引对", verified_citations: "引文已核对", refused_unanswerable: "正确拒答", refused_answerable: "错误拒答", auroc: "置信度（AUROC）" },
    shortcuts: [["/", "跳到输入框"], ["g a", "提问"], ["g s", "搜索"], ["g d", "文档"], ["g t", "状态"], ["n", "新对话"], ["[ ]", "上一个或下一个来源"], ["+ −", "缩放页面"], ["Esc", "关闭文档"], ["Enter", "发送；Shift+Enter 换行"], ["?", "此列表"]],
  },
};

export const language = (navigator.languages?.[0] ?? navigator.language ?? "en").toLowerCase().startsWith("zh") ? "zh" : "en";
export const t = words[language];

// number writes a figure as the language does.
export const number = n => n.toLocaleString(language);

// bytes writes a size.
export const bytes = n => n < 1024 ? `${n} B` : n < 1048576 ? `${(n / 1024).toFixed(0)} KB` : `${(n / 1048576).toFixed(1)} MB`;

// spot names where in a document something stands.
export function spot(at) {
  if (at.page) return t.page(at.page);
  if (at.lines && at.lines[0] && at.lines[1] > at.lines[0]) return t.lines(at.lines[0], at.lines[1]);
  return at.lines?.[0] || at.line ? t.line(at.lines?.[0] || at.line) : "";
}

// place names a document and where in it something stands.
export const place = at => [[at.document, ...(at.section ?? [])].join(" › "), spot(at)].filter(Boolean).join(", ");
