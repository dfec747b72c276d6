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
    empty: "Nothing is indexed yet. Upload documents under Documents, or index a folder from the command line:", more: "More", nothing: "Nothing found.",
    statusTitle: "Status", collection: "Collection", count: "Documents", unread: "Could not be read", vectors: "Passages with vectors", text: "Text", model: "Embedding model", languages: "Languages", none: "none",
    token: "This server asks for a token.", tokenLabel: "Token", tokenSend: "Use it", wrong: "Something went wrong: ", offline: "The server does not answer.",
    conversations: "Conversations", remove: "Remove", good: "Good", bad: "Bad", rate: "Was this answer good?", thanks: "Thank you.", stopped: "Stopped.",
    drop: "Drop files or folders here, or click to choose", refresh: "Check folders for changes", indexing: "Indexing", original: "Original", actions: "Actions",
    sure: path => `Remove ${path}? An uploaded file is deleted; a file of a folder leaves the index until the folder is checked again.`,
    scan: "Looking for files", index: "Reading", embed: "Making vectors", queued: "Waiting", running: "Working", done_: "Done", cancelled: "Cancelled",
    done: r => `${r.new} new, ${r.updated} updated, ${r.removed} removed, ${r.failed} failed`, seconds: n => `${n} s left`, minutes: n => `${n} min left`, gone: "this document is no longer indexed",
    filters: "Filters", after: "Not before", before: "Before", language: "Language", any: "any",
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
    empty: "尚未建立索引。请在“文档”中上传文件，或在命令行中索引一个文件夹：", more: "更多", nothing: "没有找到。",
    statusTitle: "状态", collection: "集合", count: "文档数", unread: "无法读取", vectors: "已有向量的段落", text: "文本量", model: "嵌入模型", languages: "语言", none: "无",
    token: "此服务器需要令牌。", tokenLabel: "令牌", tokenSend: "使用", wrong: "出错了：", offline: "服务器没有响应。",
    conversations: "对话", remove: "删除", good: "有用", bad: "没用", rate: "这个回答好吗？", thanks: "谢谢。", stopped: "已停止。",
    drop: "将文件或文件夹拖到这里，或点击选择", refresh: "检查文件夹的变化", indexing: "正在索引", original: "原文件", actions: "操作",
    sure: path => `删除 ${path}？上传的文件会被删除；文件夹中的文件只从索引中移除，下次检查时会重新加入。`,
    scan: "查找文件", index: "读取", embed: "生成向量", queued: "等待中", running: "进行中", done_: "完成", cancelled: "已取消",
    done: r => `新增 ${r.new}，更新 ${r.updated}，移除 ${r.removed}，失败 ${r.failed}`, seconds: n => `剩余 ${n} 秒`, minutes: n => `剩余 ${n} 分钟`, gone: "该文档已不在索引中",
    filters: "筛选", after: "不早于", before: "早于", language: "语言", any: "不限",
    sparse: "按词", dense: "按义", terms: "匹配词：",
  },
};

export const language = (navigator.languages?.[0] ?? navigator.language ?? "en").toLowerCase().startsWith("zh") ? "zh" : "en";
export const t = words[language];
