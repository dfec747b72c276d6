// Words of the interface in both languages, chosen by the browser's.

const words = {
  en: {
    skip: "Skip to content", ask: "Ask", search: "Search", documents: "Documents", status: "Status",
    askTitle: "Ask your documents", askHint: "Every statement of an answer carries a quote that was checked against its document.",
    askLabel: "Question", askPlace: "How many days of leave can I carry over?", send: "Ask", stop: "Stop", find: "Search",
    searchTitle: "Search", searchLabel: "Search words", searchPlace: "certificate renewal", thinking: "Looking …", writing: "Not verified yet",
    answered: "answered", partial: "partly answered", not_found: "not in the documents",
    removed: n => `${n} statement${n === 1 ? "" : "s"} removed`, nearest: "Nearest passages", copy: "Copy as Markdown", copied: "Copied",
    fresh: "New conversation", asked: "Searched for: ", close: "Close", page: n => `page ${n}`, line: n => `line ${n}`, lines: (a, b) => `lines ${a}–${b}`,
    no_quote: "no quote supports it", quote_not_found: "the quote is not in the document", figure_mismatch: "a figure or name differs", wrong_document: "the document is another one", unsupported: "nothing supports it",
    documentsTitle: "Documents", path: "Path", title: "Title", chunks: "Chunks", state: "State", ok: "ok", failed: "failed", stale: "older version",
    empty: "Nothing is indexed yet. Index a folder from the command line:", more: "More", nothing: "Nothing found.",
    statusTitle: "Status", collection: "Collection", count: "Documents", unread: "Could not be read", vectors: "Passages with vectors", text: "Text", model: "Embedding model", languages: "Languages", none: "none",
    token: "This server asks for a token.", tokenLabel: "Token", tokenSend: "Use it", wrong: "Something went wrong: ", offline: "The server does not answer.",
    sparse: "by words", dense: "by meaning", terms: "words: ",
  },
  zh: {
    skip: "跳到正文", ask: "提问", search: "搜索", documents: "文档", status: "状态",
    askTitle: "向您的文档提问", askHint: "回答中的每句话都附有引文，并已与原文逐字核对。",
    askLabel: "问题", askPlace: "年假可以顺延几天？", send: "提问", stop: "停止", find: "搜索",
    searchTitle: "搜索", searchLabel: "搜索词", searchPlace: "证书续期", thinking: "正在查找……", writing: "尚未核对",
    answered: "已回答", partial: "部分回答", not_found: "文档中没有",
    removed: n => `已删去 ${n} 句`, nearest: "最接近的段落", copy: "复制为 Markdown", copied: "已复制",
    fresh: "新对话", asked: "实际检索：", close: "关闭", page: n => `第 ${n} 页`, line: n => `第 ${n} 行`, lines: (a, b) => `第 ${a}–${b} 行`,
    no_quote: "没有引文支持", quote_not_found: "引文不在文档中", figure_mismatch: "数字或名称不符", wrong_document: "引错了文档", unsupported: "没有依据",
    documentsTitle: "文档", path: "路径", title: "标题", chunks: "段数", state: "状态", ok: "正常", failed: "失败", stale: "旧版本",
    empty: "尚未建立索引。请在命令行中索引一个文件夹：", more: "更多", nothing: "没有找到。",
    statusTitle: "状态", collection: "集合", count: "文档数", unread: "无法读取", vectors: "已有向量的段落", text: "文本量", model: "嵌入模型", languages: "语言", none: "无",
    token: "此服务器需要令牌。", tokenLabel: "令牌", tokenSend: "使用", wrong: "出错了：", offline: "服务器没有响应。",
    sparse: "按词", dense: "按义", terms: "匹配词：",
  },
};

export const language = (navigator.languages?.[0] ?? navigator.language ?? "en").toLowerCase().startsWith("zh") ? "zh" : "en";
export const t = words[language];
