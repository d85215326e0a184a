"""The proposal has what a writer or a model left behind: words to the person who asked, placeholders, notes.

Base:
    Green tea needs 80 °C.
Wrong:
    Sure, here is the updated text: Green tea needs 80 °C.
Wrong:
    Green tea needs 80 °C. [Insert source here]
Wrong:
    Le thé vert demande 80 °C. En tant que modèle de langage, je ne bois pas de thé.
Right:
    Green tea needs 80 °C, to be sure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from flowbuilder.steps.builtin.guard.change import Change
from flowbuilder.steps.builtin.guard.document import Block, Document, excerpt
from flowbuilder.steps.builtin.guard.rule import Finding, Findings, RuleOptions

SEVERITY = "warning"
_HERE = (
    r"here(?:'|’)?(?:\sis|\sare|s)\s(?:the|your|a|an)\s(?:\w+\s){0,3}(?:version|text|article|page|content|draft|rewrite"
    r"|post|document|translation|summary|markdown)|hier\sist\s(?:der|die|das|eine?)\s(?:\w+\s){0,3}(?:version|text"
    r"|artikel|fassung|seite|inhalt|übersetzung)|voici\s(?:la|le|une?|votre)\s(?:\w+\s){0,3}(?:version|texte|article"
    r"|page|contenu|traduction)|aqu[ií]\s(?:tienes|está|te\sdejo)\s|aqui\sestá\s(?:o|a|uma?)\s|ecco\s(?:la|il"
    r"|una?|l['’])"
    r"\s?(?:\w+\s){0,3}(?:versione|testo|articolo|pagina|traduzione)|hier\sis\s(?:de|het|een)\s(?:\w+\s){0,3}(?:versie"
    r"|tekst|artikel|pagina)|oto\s(?:\w+\s){0,3}(?:wersja|tekst|artykuł)|вот\s(?:\w+\s){0,3}(?:версия|текст"
    r"|статья|перевод)"
    r"|以下是(?:更新|修改|重写|改写|优化|翻译|修订)|这是(?:更新|修改|重写|改写)后的|以下は(?:更新|修正|書き直し|改訂)|以下が(?:更新|修正)"
    r"|다음은\s?(?:수정|업데이트|번역)"
)
_CHAT = re.compile(
    r"\bas an? (?:ai|artificial intelligence|large language model|language model|assistant)\b|\b(?:large "
    r")?language model, i\b"
    r"|\bi(?:'|’)?(?: a)?m (?:just |only )?an ai\b|\bi(?:'m| am|’m) (?:sorry|unable|afraid), (?:but )?i (?:can|am|will)"
    r"|\bi (?:cannot|can't|can’t) (?:assist|help|fulfill|comply) with\b|\bi hope this helps\b"
    r"|\blet me know if you(?:'d| would|’d)? (?:like|need|have|want)\b|\bfeel free to (?:ask|let me know)\b"
    r"|\bi(?:'ve|’ve| have) (?:updated|rewritten|revised|kept|made|added|removed|improved|preserved) the\b"
    r"|\bwould you like me to\b|\bmy (?:knowledge|training) (?:cutoff|cut-off|data)\b|\bas of my last (?:update"
    r"|knowledge)"
    r"|\bals (?:ki|ai|künstliche intelligenz|sprachmodell|ki-(?:sprachmodell|modell|assistent)|großes sprachmodell)\b"
    r"|\bich hoffe,? (?:das|dies) hilft\b|\blassen sie mich wissen,? (?:wenn|falls|ob)\b|\blass mich wissen\b"
    r"|\ben tant (?:que|qu['’]) ?(?:modèle|ia|intelligence artificielle|assistant)|\bj['’]espère que cela "
    r"(?:vous|t['’])? ?aide"
    r"|\bn['’]hésitez pas à me (?:demander|dire|faire)|\bcomo (?:un |una |um |uma )?(?:modelo de (?:lenguaje"
    r"|linguagem|ia)"
    r"|ia\b|inteligencia artificial|inteligência artificial|asistente)|\bespero que (?:esto|isto|isso) (?:te "
    r"|le |lhe )?(?:ayude"
    r"|ajude|sea)|\bavísame si|\bhazme saber si|\bin quanto (?:modello|ia|intelligenza artificiale|assistente)"
    r"|\bcome modello"
    r" (?:linguistico|di linguaggio)|\bspero che (?:questo )?(?:ti |vi )?(?:sia|aiuti)|\bfammi sapere se"
    r"|\bals (?:een )?(?:ai-)?taalmodel|\bik hoop dat dit helpt|\blaat (?:het )?me weten (?:als|of)"
    r"|\bjako (?:model językowy|sztuczna inteligencja|ai)\b|\bmam nadzieję, że to pomoże"
    r"|\bкак (?:языковая модель|ии|искусственный интеллект)\b|\bнадеюсь, это поможет"
    r"|作为(?:一个|一名|一款)?(?:人工智能|ai|大?语言模型)|身為(?:一個)?(?:人工智慧|ai|語言模型)|希望(?:这|這|以上)[^\n。]{0,8}(?:帮助|幫助|帮到)"
    r"|如果(?:您|你)(?:还|還)?(?:有|需要)[^\n。]{0,12}(?:告诉我|告訴我|随时)|(?:ai|人工知能|言語モデル)(?:アシスタント)?として|お役に立て(?:れば|たら)"
    r"|(?:ai|인공지능|언어 모델)(?:로서|으로서)|도움이 되(?:었|기|셨)",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"^[\s>*_\"“]{0,6}(?:(?:sure|certainly|of course|absolutely|great question|no problem|okay|ok|got it|gerne"
    r"|natürlich"
    r"|selbstverständlich|klar|bien sûr|certainement|avec plaisir|voilà|claro|por supuesto|con gusto|com certeza|certo"
    r"|certamente|volentieri|natuurlijk|zeker|graag|oczywiście|jasne|конечно|разумеется)(?:[!！]|[,:.]\s"
    r"(?=(?:here|hier|voici|aqu|ecco|oto|вот|i(?:'|’|\s)|let|das|j['’]ai|he\s|ik\s))|\s(?:que sí|thing)[!.,]?)"
    rf"|(?:{_HERE})|(?:好的|当然|當然|没问题|沒問題|もちろん|承知|かしこまりました|はい、|물론|네,)[^\n]{{0,6}}[，,！!。、])",
    re.IGNORECASE,
)
_HERE_AT_START = re.compile(rf"^[\s>*_\"“]{{0,6}}[^\n.:。]{{0,30}}(?:{_HERE})[^\n]{{0,60}}[:：]", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"\blorem ipsum\b|\bdolor sit amet\b|(?-i:\bTKTK\b|\bTODO\b(?=\W|$)|\bFIXME\b|\bXXX+\b(?![\w-])|\b(?:TBD|TBA)\b)"
    r"|(?:[\[<{]|\((?!your|link to|ihr name))(?:please )?(?:insert|your|add|enter|fill in|placeholder"
    r"|link to|source needed|name of|company "
    r"name|product name"
    r"|date here|url here|einfügen|hier einfügen|ihr name|insérer|à compléter|insertar|añadir|inserir|inserire|invoegen"
    r"|wstaw|вставьте|вставить)\b[^\[\]\n<>{}()]{0,80}[\]>})]"
    r"|[\[【](?:插入|在此|请输入|填写|你的|您的|挿入|ここに|삽입|여기에)[^\]】\n]{0,40}[\]】]|\b(?:www\.)?example\.(?:com|org|net)\b"
    r"|\[(?:URL|LINK|NAME|DATE|TITLE|NUMBER|IMAGE|COMPANY|AUTHOR|X{1,4}|\.{3}|…)\](?![(:\[])",
    re.IGNORECASE,
)
_ELISION = re.compile(
    r"\[?(?:\.{3}|…)?\s?\(?(?:the )?(?:rest|remainder) of (?:the|this|your) (?:\w+ ){0,2}(?:\w+ )?(?:remains?"
    r"|stays?|is|here|unchanged|continues|as before)"
    r"|(?:previous|existing|other|original|remaining) (?:content|text|sections?|paragraphs?) (?:remains?|stays?"
    r"|unchanged|goes here|continues?|here)"
    r"|\[(?:content|text|section)s? (?:continues|unchanged|omitted|truncated)|\[truncated\]|\[continued\]"
    r"|\(continued in"
    r"|(?:rest|inhalt) (?:des (?:artikels|textes) )?(?:bleibt )unverändert|le reste (?:du|de la) "
    r"[\w\s]{1,20}(?:reste )?(?:inchangé)"
    r"|el resto del? [\w\s]{1,20}(?:permanece|sigue|sin cambios)"
    r"|其余(?:部分|内容)(?:保持)?不变|以下(?:略|省略)|残りは(?:そのまま|変更なし)",
    re.IGNORECASE,
)
_CHAT_PARTS = (
    "as a ", "as an ", "language model", "an ai", "sorry", "unable", "afraid", "assist", "help", "fulfill", "comply",
    "let me know", "feel free", "i've ", "i’ve ", "i have ", "would you like me", "my knowledge", "my training",
    "my last", "als ", "sprachmodell", "ich hoffe", "lassen sie mich", "lass mich", "en tant", "espère", "hésitez",
    "como ", "espero que", "avísame", "hazme", "in quanto", "come modello", "spero che", "fammi", "taalmodel",
    "ik hoop", "laat ", "jako ", "nadzieję", "как ", "надеюсь", "作为", "身為", "希望", "如果", "として", "お役に",
    "로서", "도움이",
)  # fmt: skip
_PLACEHOLDER_PARTS = (
    "lorem", "dolor", "todo", "tktk", "fixme", "xxx", "tbd", "tba", "example", "[", "<", "{", "(", "【",
)  # fmt: skip
_ELISION_PARTS = (
    "rest ", "remainder", "unchanged", "content", "text", "section", "paragraph", "truncated", "continue", "stays",
    "unverändert", "le reste", "el resto", "as before", "其余", "以下", "残り",
)  # fmt: skip
_TARGETS = re.compile(
    r"^(?:#|url|link|link[-_ ]?here|insert.*|todo|tbd|placeholder|.*\[(?:url|link|insert|your).*|<?url>?"
    r"|your[-_ ].*|https?://(?:www\.)?"
    r"(?:example\.(?:com|org|net)|url|link|your[-.].*|placeholder.*|\[.*)(?:[/?#].*)?|https?:/{0,2}|\.{3}|xxx+"
    r"|path/to/.*)$",
    re.IGNORECASE,
)


_PATTERNS = ((_ELISION, _ELISION_PARTS), (_CHAT, _CHAT_PARTS), (_PLACEHOLDER, _PLACEHOLDER_PARTS))
"""Each pattern with parts in small letters, one of which is in any text that it matches: it is slow."""


def check(change: Change, options: RuleOptions) -> Findings:
    """Each such note that the base has less often."""
    before = Counter(what.casefold() for what, _ in _left(change.before, change.base))
    for what, place in _left(change.after, change.proposal):
        if before[what.casefold()] > 0:
            before[what.casefold()] -= 1
            continue
        yield Finding(place, f"looks like a leftover note: {what}", item=what, many="leftover notes")


def _left(blocks: list[Block], document: Document) -> Iterator[tuple[str, str]]:
    first = next(iter(document.prose), None)
    texts = [
        block.raw if block.kind in ("comment", "markup") else block.text if block.prose else "" for block in blocks
    ]
    whole = "\n".join(texts).casefold()
    patterns = [(pattern, [part for part in parts if part in whole]) for pattern, parts in _PATTERNS]
    for block, text in zip(blocks, texts, strict=True):
        small = text.casefold()
        for pattern, parts in patterns if block.prose else patterns[:1]:
            if any(part in small for part in parts):
                for match in pattern.finditer(text):
                    if not any(match[0] in target for _, target in block.inline.links):
                        yield excerpt(match[0]), excerpt(text[max(0, match.start() - 20) :])
        if not block.prose:
            continue
        for target in (*(target for _, target in block.inline.links), *(target for target, _ in block.inline.images)):
            if len(target) < 300 and _TARGETS.match(target.strip()):
                yield target, block.excerpt()
        opening = _OPENING.match(text) or (_HERE_AT_START.match(text) if block is first else None)
        if opening is not None:
            yield excerpt(opening[0]), excerpt(text)
