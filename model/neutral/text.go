package neutral

import (
	_ "embed"
	"strings"
)

// topics pairs a subject in English with the same in Chinese, a tab between them.
//
//go:embed topics.tsv
var topics string

// The patterns put a topic into questions and passages of many kinds: reference
// works, manuals, rules, news, letters, forums, reports, code. * is the topic.
var (
	englishQuestions = []string{
		"What is known about *?",
		"when did * first become important",
		"Who was responsible for *, and in which year?",
		"How much does * cost?",
		"why is * so often discussed",
		"Where can I read more about *?",
		"how do I deal with *",
		"Which rules apply to *?",
		"How many people are affected by * every year?",
		"difference between * and others of its kind",
		"What happened to * after the war?",
		"Is it allowed to change anything about *?",
		"what are the main parts or features of *",
		"*: history and meaning",
		"In what country did * begin?",
		"What was the name of the person most closely connected with *?",
	}
	chineseQuestions = []string{
		"关于*有哪些已知的情况？",
		"*最早是什么时候变得重要的",
		"谁负责*，是在哪一年？",
		"*要花多少钱？",
		"为什么人们经常讨论*",
		"在哪里可以读到更多关于*的内容？",
		"怎么处理*",
		"*适用哪些规定？",
		"每年有多少人受到*的影响？",
		"*和同类事物有什么区别",
		"战后*发生了什么？",
		"可以对*做任何更改吗？",
		"*主要由哪些部分组成",
		"*的历史与意义",
		"*起源于哪个国家？",
		"与*关系最密切的人叫什么名字？",
	}
	englishPassages = []string{
		"The subject of * has been described since the nineteenth century. Early accounts were short and relied on a few observers; later work, in particular after 1950, gave dates, numbers and maps. Most authors now agree on the outline, although the causes remain disputed.",
		"Before you begin, check that everything concerning * is complete. First open the cover, then follow the steps in the order given. If a step fails, stop, write down what you saw, and call the service desk. Do not repeat a step more than three times.",
		"Section 4. Rules on *. (1) The board decides once a year. (2) Requests are made in writing at least thirty days ahead. (3) Whoever disagrees may appeal within two weeks; the appeal has no suspending effect.",
		"Officials said on Tuesday that * would be looked at again after complaints from residents. \"We have heard the concerns,\" a spokeswoman said. Opposition members called the step late and demanded figures by the end of the month.",
		"Hello everybody, I have a question about *. It worked until last week, and since then I only get half of what I expect. I have tried what the guide says. Has anyone seen the same, and what did you do? Thanks in advance!",
		"In the third quarter, spending on * rose by 4.2 percent to 18.6 million, mainly because of higher prices. The plan for next year assumes no further growth. Risks lie in delivery times and in the exchange rate.",
		"He became known for his work on *, which he began as a student and continued until he died in 1931. His brother, a teacher, kept the papers, and they were printed ten years later in two volumes. Critics were divided.",
		"To use *, set enabled: true in the settings and restart the service. The default timeout is 30 seconds. Values below zero are refused with an error. See also the chapter on limits and the example at the end of this page.",
		"This study measured the effect of * in 214 cases over five years. The difference between the groups was significant (p < 0.01) but small. We conclude that further factors, such as age and region, should be included.",
		"Dear Ms Carter, thank you for your letter about *. We are sorry for the delay. Your request was passed to the department on 3 May, and you will hear from them within ten days. Yours sincerely, the office.",
		"The region is also known for *, and visitors come mostly in spring and autumn. The old road passes two villages and a mill before it reaches the coast. There are few places to stay, so it is wise to book early.",
		"She put down the paper and said nothing for a while. Everyone in the house had talked about * that winter, at the table and on the stairs, until nobody could say any more what was true.",
	}
	chinesePassages = []string{
		"自十九世纪以来，就有关于*的记载。早期的记述很短，只依靠少数观察者；后来的研究，特别是1950年以后的研究，给出了日期、数字和地图。现在多数作者对大致情况看法一致，但原因仍有争议。",
		"开始之前，请确认与*有关的一切都已准备齐全。先打开盖子，然后按照给出的顺序操作。如果某一步失败，请停下来，记下所看到的情况，并致电服务台。同一步骤不要重复三次以上。",
		"第四条　关于*的规定。（一）理事会每年决定一次。（二）申请须至少提前三十天以书面形式提出。（三）不同意者可在两周内提出申诉，申诉期间不停止执行。",
		"官员星期二表示，在居民投诉之后，将重新审视*的问题。发言人说：“我们听到了大家的担忧。”反对派议员则批评这一步来得太晚，要求在月底之前公布数字。",
		"大家好，我有一个关于*的问题。上周之前一直正常，从那以后只能得到预期的一半。我已经按照指南试过了。有人遇到过同样的情况吗？你们是怎么解决的？先谢谢了！",
		"第三季度，用于*的支出增长了4.2%，达到1860万元，主要原因是价格上涨。明年的计划假定不再增长。风险在于交货时间和汇率。",
		"他因对*的研究而闻名，这项工作他从学生时代开始，一直持续到1931年去世。他的弟弟是一名教师，保存了这些手稿，十年后分两卷出版。评论界看法不一。",
		"要使用*，请在设置中写入 enabled: true 并重启服务。默认超时时间为30秒。小于零的值会被拒绝并报错。另见关于限制的一章以及本页末尾的示例。",
		"本研究在五年间对214个案例测量了*的影响。各组之间的差异显著（p < 0.01），但幅度很小。我们的结论是，还应当纳入年龄和地区等其他因素。",
		"尊敬的李女士：感谢您就*来信。对于延误我们深表歉意。您的申请已于五月三日转交有关部门，十天之内您将收到他们的答复。此致敬礼，办公室。",
		"這個地區也以*聞名，遊客大多在春秋兩季前來。舊路經過兩個村莊和一座磨坊，然後到達海岸。住宿的地方很少，因此最好提早預訂。",
		"她放下報紙，沉默了一會兒。那個冬天，家裡人人都在談論*，在飯桌上談，在樓梯上談，直到誰也說不清什麼是真的。",
	}
)

// Questions returns questions in a language, "en" or "zh", each topic in so many
// patterns; those of both languages stand at the same places.
func Questions(language string, perTopic int) []string {
	if language == "zh" {
		return texts(1, chineseQuestions, perTopic)
	}
	return texts(0, englishQuestions, perTopic)
}

// Passages returns passages in a language, "en" or "zh", as Questions does.
func Passages(language string, perTopic int) []string {
	if language == "zh" {
		return texts(1, chinesePassages, perTopic)
	}
	return texts(0, englishPassages, perTopic)
}

// texts puts every topic of a language (column of topics) into some of the
// patterns, in turn.
func texts(column int, patterns []string, perTopic int) []string {
	var out []string
	at := 0
	for line := range strings.Lines(topics) {
		topic := strings.Split(strings.TrimSpace(line), "\t")[column]
		for range perTopic {
			out = append(out, strings.ReplaceAll(patterns[at%len(patterns)], "*", topic))
			at += 5 // all patterns in turn, spread out
		}
	}
	return out
}
