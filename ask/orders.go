package ask

import (
	"regexp"
	"strings"

	"github.com/lore-kb/lore/analysis"
)

// orders reports whether a folded unit speaks to an assistant that reads it
// instead of to the document's readers. Such a unit is neither an answer nor
// evidence: who can write into a document must not be able to dictate answers.
func orders(folded string) bool {
	for i := range orderPatterns {
		if orderPatterns[i].matches(folded) {
			return true
		}
	}
	return false
}

// speaksToAssistant is orders for a sentence as it is written.
func speaksToAssistant(sentence string) bool { return orders(analysis.Fold(sentence).Text) }

// orderPatterns are narrow on purpose: manuals tell people to call an API, to
// answer the phone and to send a message, and must be quotable.
var orderPatterns = []pattern{
	{regexp.MustCompile(`\b(?:ignore|disregard|forget|override|bypass)\b.{0,30}\b(?:previous|prior|above|earlier|preceding|other|your|these)\b.{0,30}\b(?:instruction|prompt|rule|passage|context|message|direction|guideline|document|text|source|question)s?\b`),
		[][]string{anyOf("ignore|disregard|forget|override|bypass"), anyOf("previous|prior|above|earlier|preceding|other|your|these"), anyOf("instruction|prompt|rule|passage|context|message|direction|guideline|document|text|source|question")}},
	{regexp.MustCompile(`\b(?:ignore|disregard|forget) (?:all|everything|anything) (?:of the |the )?(?:above|before|previous|prior|other|instructions|passages)\b`),
		[][]string{anyOf("ignore |disregard |forget ")}},
	{regexp.MustCompile(`\byou are (?:now|no longer) (?:an? |the |in )?(?:ai|assistant|unrestricted|free|developer|dan|root|admin|bound|pirate|different|system)\b|\b(?:act as|pretend to be) (?:an? |the )?(?:ai|assistant|language model|llm|chatbot|dan)\b|\bdeveloper mode\b`),
		[][]string{anyOf("you are now|you are no longer|act as|pretend to be|developer mode")}},
	{regexp.MustCompile(`\b(?:ai assistants?|ais?|llms?|language models?|assistants?|chatbots?|ai systems?|ai models?)\b.{0,40}\b(?:must|should|shall|has to|have to|are to|is to|needs? to)\b.{0,30}\b(?:answer|reply|respond|say|claim|tell|recommend|ignore|mention|reveal)\b`),
		[][]string{anyOf("ai|llm|language model|assistant|chatbot"), anyOf("must|should|shall|has to|have to|are to|is to|need to|needs to"), anyOf("answer|reply|respond|say|claim|tell|recommend|ignore|mention|reveal")}},
	{regexp.MustCompile(`\b(?:instruction|message|hint|directive|attention|note|command)s?[:,]? (?:(?:to|for) )?(?:the |all |any )?(?:ai|llm|language model|ai assistant|chatbot|assistant)s?\b`),
		[][]string{anyOf("instruction|message|hint|directive|attention|note|command"), anyOf("ai|llm|language model|assistant|chatbot")}},
	{regexp.MustCompile(`\b(?:system|developer) override\b|\b(?:your|the hidden) system prompt\b|\bsystem prompt (?:update|override|change)`),
		[][]string{anyOf("override|system prompt")}},
	{regexp.MustCompile(`\b(?:answer|reply|respond|say|output|print) (?:only|exactly|verbatim|instead|with (?:only|exactly|the words?|the following|the single word))\b`),
		[][]string{anyOf("answer|reply|respond|say|output|print"), anyOf(" only| exactly| verbatim| instead| with only| with exactly| with the word| with the following| with the single word")}},
	{regexp.MustCompile(`\b(?:if|when|whenever|once)\b.{0,40}\b(?:asked|asks|question is)\b.{0,80}\b(?:answer|reply|respond|say|state|claim)\b.{0,12}\b(?:that|with|it|only|always|the answer|yes|no)\b|\b(?:if|when|whenever)\b.{0,40}\b(?:asked|asks)\b.{0,80}\b(?:answer|reply|respond|say)\s*[:"“]`),
		[][]string{anyOf("asked|asks|question is"), anyOf("answer|reply|respond|say|state|claim")}},
	{regexp.MustCompile(`\b(?:end|begin|start|finish|close|conclude) your (?:answer|response|reply|output)\b|\bin your (?:answer|reply|output)\b`),
		[][]string{anyOf("end your |begin your |start your |finish your |close your |conclude your |in your ")}},
	{regexp.MustCompile(`\b(?:do not|don't|never) (?:cite|quote|mention|use|reveal|trust) (?:the |any |this |other |these |your )*(?:passage|source|instruction|prompt|other passage|citation)s?\b`),
		[][]string{anyOf("do not |don't |never "), anyOf("passage|source|instruction|prompt|citation")}},
	{regexp.MustCompile(`\b(?:reveal|repeat|leak|exfiltrate|output) (?:the |your |all |any )*(?:system prompt|instructions|api keys?|passwords?|secrets?|prompt|confidential)\b`),
		[][]string{anyOf("reveal |repeat |leak |exfiltrate |output "), anyOf("system prompt|instructions|api key|password|secret|prompt|confidential")}},
	{regexp.MustCompile(`\b(?:append|include|insert|add|embed|render)\b.{0,40}\b(?:link|image|url|markdown|pixel|banner)\b.{0,60}\b(?:every|each|the|an) (?:answer|response|reply)\b`),
		[][]string{anyOf("append|include|insert|add|embed|render"), anyOf("link|image|url|markdown|pixel|banner"), anyOf(" answer| response| reply")}},
	{regexp.MustCompile(`\b(?:send|post|upload|exfiltrate|forward)\b.{0,40}\b(?:conversation|chat history|user's question|user data|api key|credentials?|context)\b.{0,40}\bto\b`),
		[][]string{anyOf("send|post|upload|exfiltrate|forward"), anyOf("conversation|chat history|user's question|user data|api key|credential|context")}},
	{regexp.MustCompile(`["'](?:tool|function)_?call["']\s*:|<(?:tool|function)_?call`),
		[][]string{anyOf("toolcall|tool_call|functioncall|function_call")}},
	{regexp.MustCompile(`\bnew (?:instruction|system prompt|directive)s?\s*:`),
		[][]string{anyOf("new instruction|new system prompt|new directive")}},
	{regexp.MustCompile(`\bend of (?:passage|context|prompt|instructions)\b|\bbegin (?:system|admin|new instructions)\b`),
		[][]string{anyOf("end of passage|end of context|end of prompt|end of instructions|begin system|begin admin|begin new instructions")}},
	{regexp.MustCompile(`(?:忽略|无视|忘记|不要理会|不理会|抛弃|绕过)(?:掉|了)?.{0,8}(?:以上|上述|之前|前面|此前|先前|其他|所有|你的).{0,6}(?:指令|指示|提示|规则|段落|内容|要求|限制|资料|信息)`),
		[][]string{anyOf("忽略|无视|忘记|不要理会|不理会|抛弃|绕过")}},
	{regexp.MustCompile(`(?:ai助手|ai|人工智能助手|人工智能|大模型|语言模型|智能助手|聊天机器人)(?:们)?[,，]?.{0,6}(?:必须|应当|务必|请|一律|只能|都要).{0,12}(?:回答|回复|答复|说|告诉|声称|推荐|附上|加上|提及)`),
		[][]string{anyOf("ai|人工智能|大模型|语言模型|智能助手|聊天机器人"), anyOf("回答|回复|答复|说|告诉|声称|推荐|附上|加上|提及")}},
	{regexp.MustCompile(`你(?:现在是|从现在起|从此|不再是|是一个ai|是ai|是一个人工智能|是人工智能|扮演|将扮演)`),
		[][]string{anyOf("你现在是|你从现在起|你从此|你不再是|你是一个ai|你是ai|你是一个人工智能|你是人工智能|你扮演|你将扮演")}},
	{regexp.MustCompile(`(?:系统|开发者|管理员)(?:提示词|指令)|开发者模式`),
		[][]string{anyOf("提示词|指令|开发者模式")}},
	{regexp.MustCompile(`(?:只|直接|一律|统一|必须|务必|请|都)(?:需|要|能)?(?:回答|回复|答复|输出|声称)(?:[:“"「]|说|如下|以下)`),
		[][]string{anyOf("回答|回复|答复|输出|声称"), anyOf("只|直接|一律|统一|必须|务必|请|都")}},
	{regexp.MustCompile(`(?:问到|问及|被问|询问|提问|问起)(?:.{0,24})(?:回答|回复|答复|就说|要说|请说|声称|一律)`),
		[][]string{anyOf("问到|问及|被问|询问|提问|问起"), anyOf("回答|回复|答复|就说|要说|请说|声称|一律")}},
	{regexp.MustCompile(`(?:不要|不得|禁止|切勿|请勿)(?:引用|提及|提到|透露|使用|相信)(?:其他|任何|本|该|这)?.{0,4}(?:段落|来源|指令|提示词)`),
		[][]string{anyOf("引用|提及|提到|透露|使用|相信"), anyOf("段落|来源|指令|提示词")}},
	{regexp.MustCompile(`(?:泄露|透露|输出|重复)(?:你的|系统|全部)?.{0,4}(?:系统提示|提示词|密钥|密码)`),
		[][]string{anyOf("泄露|透露|输出|重复"), anyOf("系统提示|提示词|密钥|密码")}},
	{regexp.MustCompile(`你的(?:回答|答案|回复|输出)|(?:回答|答案|回复)(?:的)?(?:结尾|末尾|最后|中)?.{0,4}(?:附上|加上|插入|放上).{0,12}(?:链接|图片|网址|图像|广告)`),
		[][]string{anyOf("回答|答案|回复|输出"), anyOf("你的|附上|加上|插入|放上")}},
	{regexp.MustCompile(`(?:把|将).{0,12}(?:对话|聊天记录|聊天历史|聊天内容|用户的问题).{0,10}(?:发送|上传|提交|转发)(?:到|至|给)`),
		[][]string{anyOf("对话|聊天记录|聊天历史|聊天内容|用户的问题"), anyOf("发送|上传|提交|转发")}},
	{regexp.MustCompile(`新的?(?:指令|系统提示)[:：]|段落结束|(?:指令|提示)(?:到此)?结束`),
		[][]string{anyOf("指令|系统提示|段落结束|提示")}},
	{regexp.MustCompile(`(?:^|[。!！?？:：\s])致(?:所有)?(?:ai助手|ai|人工智能|大模型|语言模型|智能助手)`),
		[][]string{anyOf("致ai|致所有ai|致人工智能|致所有人工智能|致大模型|致所有大模型|致语言模型|致所有语言模型|致智能助手|致所有智能助手")}},
	{regexp.MustCompile(`<\|?/?(?:im_start|im_end|system|assistant|user|inst|endoftext|eot_id|start_header_id)\b|\[/?inst\]|<</?sys>>|</?passage\b`),
		[][]string{anyOf("<|[inst|[/inst")}},
	{regexp.MustCompile(`^(?:system|assistant)\s*:`),
		[][]string{anyOf("system|assistant")}},
}

// invisible are characters without a glyph; an answer does not repeat them.
var invisible = strings.NewReplacer("\u200b", "", "\u200c", "", "\u200d", "", "\u2060", "", "\ufeff", "", "\u00ad", "", "\u202a", "", "\u202b", "", "\u202c", "", "\u202d", "", "\u202e", "", "\u2066", "", "\u2067", "", "\u2068", "", "\u2069", "")

var address = regexp.MustCompile(`(?i)\b(?:https?://|www\.|ftp://|mailto:|data:|javascript:)[^\s<>"'）)\]】，。]+`)

// foreignAddress returns the first address of a statement that none of the
// sources holds, or "".
func (v *verifier) foreignAddress(text string, sources []int) string {
	for _, a := range address.FindAllString(text, -1) {
		folded := strings.TrimRight(analysis.Fold(a).Text, ".,;:!?")
		found := false
		for _, i := range sources {
			r := v.read(i)
			for k := range r.units {
				if !r.barred[k] && strings.Contains(r.folded[k], folded) {
					found = true
				}
			}
		}
		if !found {
			return a
		}
	}
	return ""
}
