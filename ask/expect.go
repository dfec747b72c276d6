package ask

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/lore-kb/lore/analysis"
)

// expected is the kind of thing that a question asks for.
type expected int

const (
	expectAny expected = iota
	expectYesNo
	expectPerson
	expectTime
	expectNumber
	expectMoney
	expectPercent
	expectDuration
	expectMeasure
	expectPlace
	expectReason
	expectMethod
	expectName // the name or term of a thing
)

func (e expected) String() string {
	return [...]string{"any", "yes_no", "person", "time", "number", "money", "percent", "duration", "measure", "place", "reason", "method", "name"}[e]
}

var expectPatterns = []struct {
	kind expected
	re   *regexp.Regexp
}{
	// English, most special first.
	{expectPercent, regexp.MustCompile(`\b(?:what|which|how) (?:many |much )?(?:percent(?:age)?|proportion|share|per cent)\b|\bpercentage of\b.*\?`)},
	{expectMoney, regexp.MustCompile(`\bhow much (?:does|do|did|will|would|is|are|was|were)\b.*\b(?:cost|pay|paid|charge[ds]?|worth|earn|price[ds]?|spend|spent)\b|\b(?:what|which) (?:is|was|are|were) the (?:price|cost|fee|budget|salary|fare|revenue)\b|\bhow (?:expensive|much money)\b|\bwhat(?:'s| does) .* cost\b|\bwhat does .* cost\b|^how much (?:is|are|for) (?:the |an? |one )?[^,?]{1,60}\??$`)},
	{expectDuration, regexp.MustCompile(`\bhow (?:long|soon|quickly|often|frequently)\b|\bhow many (?:days|weeks|months|years|hours|minutes|seconds|decades|centuries)\b|\bfor how long\b`)},
	{expectMeasure, regexp.MustCompile(`\bhow (?:tall|high|deep|wide|large|big|far|heavy|fast|hot|cold|old|thick|small)\b|\bwhat (?:is|was) the (?:height|length|width|depth|area|size|weight|speed|temperature|distance|population|capacity|volume)\b`)},
	{expectNumber, regexp.MustCompile(`\bhow (?:many|much)\b|\b(?:what|which) (?:is |was )?(?:the )?(?:number|amount|total|quantity|limit|maximum|minimum|rate|score)\b`)},
	{expectTime, regexp.MustCompile(`\bwhen\b|\b(?:what|which) (?:year|date|day|month|time|decade|century|season|era|period)\b|\bsince when\b|\bin what year\b`)},
	{expectPlace, regexp.MustCompile(`\bwhere\b|\b(?:what|which) (?:\w+ )?(?:city|country|state|place|town|region|location|continent|village|province|county|island|river|street|area|district|port|countries|cities)\b`)},
	{expectPerson, regexp.MustCompile(`\bwho(?:m|se)?\b|\b(?:what|which) (?:\w+ )?(?:person|man|woman|king|queen|president|author|scientist|engineer|player|emperor|leader|ruler|pope|actor|singer|architect|mathematician|philosopher|general|bishop|politician|inventor|physicist|team|company|organization|group|people)\b`)},
	{expectReason, regexp.MustCompile(`\bwhy\b|\bwhat (?:caused|causes|is the reason|was the reason|led to)\b|\bfor what reason\b|\bhow come\b`)},
	{expectMethod, regexp.MustCompile(`\bhow (?:do|does|did|can|could|should|to|is|are|was|were)\b|\bwhat steps\b`)},
	{expectName, regexp.MustCompile(`\bwhat (?:is|was|are|were) (?:the )?(?:name|term|word|title)\b|\bcalled\b|\bknown as\b|\bwhat name\b|\bwhich\b`)},
	{expectYesNo, regexp.MustCompile(`^(?:and |so |but )?(?:is|are|was|were|do|does|did|can|could|will|would|should|may|must|has|have|had|am)\b`)},
	// Chinese, folded to simplified.
	{expectPercent, regexp.MustCompile(`百分之(?:几|多少)|(?:比例|占比|百分比|率)(?:是|为|有|达到?)?(?:多少|多高|几)|占.*多少`)},
	{expectMoney, regexp.MustCompile(`多少钱|(?:价格|费用|售价|票价|成本|工资|薪水|投资|金额|报销额|预算)(?:是|为|有)?(?:多少|多高|几)|多少(?:美元|元|欧元|英镑|日元|港元|块)|几(?:元|块)钱?`)},
	{expectDuration, regexp.MustCompile(`多久|多长时间|几(?:天|周|个月|年时间|个?小时|分钟|个?工作日)|多少(?:天|周|个月|年(?:时间)?$|个?小时|分钟|个?工作日|秒)|多长的?时间`)},
	{expectTime, regexp.MustCompile(`什么时候|何时|哪(?:一|个|几)?(?:年|天|日|月|个?月|年代|世纪|朝代|时期)|几(?:年|月|号|日|点|时)|什么(?:时间|日期|时期|年代|年份|朝代)|何年|何日|多少年(?:出生|成立|建)|时间(?:是|为)`)},
	{expectMeasure, regexp.MustCompile(`多(?:高|长|宽|深|大|重|远|快|厚|热|冷|少公里|少米)|(?:面积|长度|高度|宽度|深度|重量|速度|温度|距离|人口|海拔|体积|容量)(?:是|为|有|约|大约|达|总共)*(?:多少|多|几)`)},
	{expectNumber, regexp.MustCompile(`多少|几(?:个|名|位|种|条|次|人|项|家|座|本|部|所|篇|层|场|支|张|款|届|集|章|期|倍|岁|站|大|只|辑|首|间|级|代|处|艘|架|辆|站)|几\b|数量|数目|第几`)},
	{expectPlace, regexp.MustCompile(`哪里|哪儿|何处|何地|什么地方|(?:位于|位在|在|于)哪|哪(?:一|个|座|些|几)*(?:个)?(?:国家|城市|省|市|县|地区|地方|州|大洲|岛|国|镇|村|区|街|路|港|城|车站|站)|什么(?:国家|城市|地区)|籍贯|国籍`)},
	{expectPerson, regexp.MustCompile(`谁|哪(?:一|个|位|几|些)*(?:位|名|人|个人)|何人|什么人|哪.{0,4}(?:皇帝|国王|总统|作家|作者|科学家|导演|演员|公司|家族|球员|学者|将领|球队|支队|队伍|乐队|统治者|领袖)`)},
	{expectReason, regexp.MustCompile(`为什么|为何|为甚么|原因|何以|怎么会|因何`)},
	{expectMethod, regexp.MustCompile(`怎么|怎样|如何|怎麽|什么(?:方法|方式|步骤)`)},
	{expectYesNo, regexp.MustCompile(`吗[?？]?$|吗[,，。]|是否|是不是|会不会|能不能|可不可以|有没有|可否|能否|要不要|需不需要|对不对|(?:么|没有)[?？]$|算不算|应不应该|该不该`)},
	{expectName, regexp.MustCompile(`叫(?:做|作)?(?:什么|甚么)|名(?:称|字)|又名|称(?:为|作|之为)(?:什么|甚么)?|什么名`)},
}

// sure reports whether what is asked for can be told by its form.
func (e expected) sure() bool {
	switch e {
	case expectTime, expectNumber, expectMoney, expectPercent, expectDuration, expectMeasure:
		return true
	}
	return false
}

// expect tells what a question asks for.
func expect(question string) expected {
	q := strings.TrimSpace(analysis.Fold(question).Text)
	// 没有…吗 and is there … asked at the end decide before the words inside.
	if yesNoEnd.MatchString(q) && !interrogative.MatchString(q) {
		return expectYesNo
	}
	for _, p := range expectPatterns {
		if p.re.MatchString(q) {
			return p.kind
		}
	}
	return expectAny
}

var (
	yesNoEnd      = regexp.MustCompile(`吗[?？]?$|^(?:is|are|was|were|do|does|did|can|could|will|would|should|may|must|has|have|had)\b`)
	interrogative = regexp.MustCompile(`谁|哪|多少|何时|\b(?:who|what|when|where|which|why|how)\b`)
)

var (
	reasonWords = regexp.MustCompile(`\b(?:because|due to|since|owing to|caused?|therefore|thus|so that|in order to|reason|result(?:ed)?|led to|to (?:avoid|prevent|reduce|protect|allow|ensure))\b|因为|由于|因此|所以|为了|原因|因而|以致|导致|使得|以便|故而|因`)
	methodWords = regexp.MustCompile(`\b(?:by|using|through|via|with|first|then|click|run|set|use|must|should)\b|通过|使用|利用|采用|先|然后|点击|运行|设置|方法|方式|以`)
	placeWords  = regexp.MustCompile(`省|市|县|区|州|国|镇|村|岛|山|河|湖|海|路|街|位于|地处|洲|城|港|乡|站|厅|楼|室|馆`)
	personWords = regexp.MustCompile(`先生|女士|国王|皇帝|总统|教授|博士|将军|主席|总理|作家|导演|·|人|者|家|帝|王|公司|队|氏|父|母|子|经理|主管|总监`)
	// A surname behind a boundary, with a given name before one; or a foreign
	// name with its dot.
	hanName   = regexp.MustCompile(`\p{Han}[·•]\p{Han}|(?:^|[,，、。:：;；(（《「“是由为向与和及被叫给让请跟即者长王帝员师授士家手])(?:[赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍郤璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公]|欧阳|司马|上官|诸葛|司徒|东方|皇甫|尉迟|公孙|慕容|令狐)\p{Han}{1,2}(?:[,，、。:：;；()（）》」”的于在等任为是担执创出发所率带将领著设建提首与和及共曾则]|$)`)
	timeWords = regexp.MustCompile(`\b(?:century|centuries|today|yesterday|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday|summer|winter|spring|autumn|fall|during|before|after|until|decades?|noon|midnight|morning|evening|era|period|war|age|bc|ad)\b|世纪|年代|时期|朝|代|星期|周[一二三四五六日]|春|夏|秋|冬|早上|上午|下午|晚上|期间|之后|以前|战争|末|初`)
	unitWords = regexp.MustCompile(`\b(?:daily|weekly|monthly|yearly|annually|every|per|hourly|quarterly|half|dozens?|hundreds|thousands|several|many|few)\b|每|半|数十|数百|多个`)
)

// holds reports how well a unit's text holds a thing of the kind: 0 not, 1
// surely. The question's own names and figures do not count: an answer adds.
func (e expected) holds(text, folded string, figs []figure, question *questionText) float64 {
	switch e {
	case expectTime:
		best := 0.0
		for i := range figs {
			f := &figs[i]
			if f.occursIn(question.figures) {
				continue
			}
			if f.kind == figureDate || f.kind == figureClock || f.dimension == "century" {
				return 1
			}
			if f.dimension == "time" || f.dimension == "month" || f.dimension == "" {
				best = max(best, 0.4)
			}
		}
		if timeWords.MatchString(folded) {
			best = max(best, 0.6)
		}
		return best
	case expectNumber, expectMoney, expectPercent, expectDuration, expectMeasure:
		best := 0.0
		for i := range figs {
			f := &figs[i]
			if f.occursIn(question.figures) {
				continue
			}
			best = max(best, e.figure(f))
		}
		if best < 0.4 && unitWords.MatchString(folded) {
			best = 0.4
		}
		return best
	case expectPerson, expectName:
		if question.han {
			if e == expectName {
				if strings.ContainsAny(folded, "《“\"「『") || strings.Contains(folded, "称") || strings.Contains(folded, "名") || strings.Contains(folded, "叫") {
					return 1
				}
				return 0.3
			}
			switch {
			case hanName.MatchString(folded):
				return 1
			case personWords.MatchString(folded):
				return 0.6
			}
			return 0.2
		}
		n := newNames(text, question)
		switch {
		case n >= 2:
			return 1
		case n == 1:
			return 0.7
		}
		return 0
	case expectPlace:
		if question.han && mostlyHan(text) {
			if placeWords.MatchString(folded) {
				return 1
			}
			return 0
		}
		if newNames(text, question) > 0 {
			if placePreposition.MatchString(text) {
				return 1
			}
			return 0.7
		}
		return 0
	case expectReason:
		if reasonWords.MatchString(folded) {
			return 1
		}
		return 0
	case expectMethod:
		if methodWords.MatchString(folded) {
			return 1
		}
		return 0
	}
	return 0.5
}

var placePreposition = regexp.MustCompile(`\b(?:in|at|near|from|to|of|on|across|throughout)\s+(?:the\s+)?\p{Lu}`)

// figure reports how well one figure answers.
func (e expected) figure(f *figure) float64 {
	if f.kind == figureClock {
		return 0
	}
	if f.kind == figureDate {
		return 0.2
	}
	unit := func(names ...string) bool {
		for _, n := range names {
			if f.dimension == n || strings.HasPrefix(f.dimension, n+"/") {
				return true
			}
		}
		return false
	}
	switch e {
	case expectMoney:
		if unit("currency") {
			return 1
		}
		return 0.4
	case expectPercent:
		if unit("percent") {
			return 1
		}
		return 0.4
	case expectDuration:
		if unit("time", "month", "workday", "century", "times") {
			return 1
		}
		return 0.3
	case expectMeasure:
		if unit("length", "mass", "area", "volume", "temperature", "speed", "data", "power", "energy", "month") {
			return 1
		}
		return 0.7
	}
	if f.trivial() {
		return 0.5
	}
	if unit("month", "time") {
		return 0.7
	}
	return 1
}

// newNames counts capitalised words inside the text that the question does not
// name; the first word of a sentence counts only beside another one.
func newNames(text string, question *questionText) int {
	n := 0
	start := true
	run := 0
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("()[]\"“”,;:—–/", r) }) {
		bare := strings.TrimFunc(w, func(r rune) bool { return !isWordRune(r) })
		first := start
		start = strings.HasSuffix(w, ".") && len(bare) > 2
		if bare == "" {
			continue
		}
		r := []rune(bare)[0]
		if !unicode.IsUpper(r) {
			run = 0
			continue
		}
		key := strings.TrimSuffix(strings.TrimSuffix(analysis.Fold(bare).Text, "'s"), "’s")
		if question.words[key] || len(bare) == 1 {
			continue
		}
		if first && isFunctionWord(key) {
			continue
		}
		run++
		if !first || run > 1 {
			n++
		}
	}
	return n
}

var functionWords = setOf(`the a an this that these those it its he she they his her their in on at by for from to of with as and or but if when while
		after before during since until although though because however there here some many most all both each such other another one two three
		i we you our your my who what which where why how not no yes also then thus so yet nor neither either once under over through between`)

func isFunctionWord(w string) bool { return functionWords[w] }
