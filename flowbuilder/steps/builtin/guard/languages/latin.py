"""Languages in Latin letters."""

from flowbuilder.steps.builtin.guard.languages.language import Language

LANGUAGES = (
    Language(
        code="en",
        opposites="before/after more/less more/fewer minimum/maximum least/most enable/disable "
        "enabled/disabled enables/disables increase/decrease increases/decreases above/below "
        "first/last true/false always/never allow/forbid allowed/forbidden safe/unsafe "
        "valid/invalid required/optional possible/impossible over/under higher/lower "
        "larger/smaller longer/shorter faster/slower greater/less all/no with/without start/stop "
        "open/close opened/closed on/off left/right earlier/later public/private input/output "
        "add/remove accept/reject success/failure succeeds/fails",
        common="the and of to is in that it for with as are this be on you can or from by an at your which if was have "
        "not but has will when its they these",
        negations="not no never none cannot without neither nor nothing isn't aren't wasn't weren't don't "
        "doesn't didn't won't wouldn't can't couldn't shouldn't mustn't hasn't haven't hadn't needn't ain't mightn't",
        cautions="may might could should can would perhaps maybe possibly probably likely unlikely usually often "
        "sometimes generally typically about around approximately roughly nearly almost some seems seem appears "
        "appear suggests suggest potentially estimated experimental currently reportedly allegedly normally mostly",
        certainties="will must always never definitely certainly guaranteed guarantees proven absolutely "
        "undoubtedly clearly surely completely",
        months="january february march april may june july august september october november december "
        "jan feb mar apr may jun jul aug sep oct nov dec",
        numbers="one two three four five six seven eight nine ten eleven twelve thirteen fifteen twenty thirty forty "
        "fifty sixty hundred thousand million billion dozen half twice once first second third fourth fifth",
        warnings="warning caution danger important disclaimer attention beware note",
    ),
    Language(
        code="de",
        opposites="vor/nach mehr/weniger minimal/maximal mindestens/höchstens aktivieren/deaktivieren "
        "aktiviert/deaktiviert erhöhen/verringern über/unter erste/letzte wahr/falsch immer/nie "
        "erlaubt/verboten sicher/unsicher gültig/ungültig möglich/unmöglich höher/niedriger "
        "größer/kleiner länger/kürzer schneller/langsamer mit/ohne öffnen/schließen links/rechts "
        "früher/später",
        common="der die das und ist nicht ein eine zu den mit von für auf im sich dem des es sie werden wird auch als "
        "an bei oder wenn sind nach wie einen einer kann dass",
        letters="äöüß",
        negations="nicht kein keine keinen keinem keiner keines nie niemals nirgends ohne weder noch nichts niemand",
        cautions="kann können könnte könnten dürfte dürften sollte sollten mag möglicherweise vielleicht wohl "
        "eventuell "
        "wahrscheinlich vermutlich meist meistens oft manchmal etwa ungefähr rund circa ca fast nahezu teilweise "
        "normalerweise üblicherweise derzeit voraussichtlich mitunter scheint",
        certainties="wird muss müssen immer stets garantiert sicher definitiv zweifellos bestimmt",
        months="januar februar märz april mai juni juli august september oktober november dezember "
        "jan feb mär apr mai jun jul aug sep okt nov dez",
        numbers="zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig fünfzig hundert tausend "
        "million millionen milliarde milliarden dutzend halb zweimal dreimal einmal erste zweite dritte",
        warnings="warnung achtung vorsicht gefahr wichtig hinweis haftungsausschluss",
        articles="der die das den dem des ein eine einen einem einer eines im am zum zur vom beim ins ans kein keine "
        "keinen dieser diese dieses diesen diesem jede jeder jedes jeden ihr ihre ihren sein seine mein unser unsere "
        "welche welcher alle viele mehr wenig und oder als für mit ohne durch pro je",
    ),
    Language(
        code="fr",
        opposites="avant/après plus/moins minimum/maximum activer/désactiver activé/désactivé "
        "augmenter/diminuer dessus/dessous premier/dernier première/dernière vrai/faux "
        "toujours/jamais autorisé/interdit valide/invalide possible/impossible avec/sans "
        "ouvrir/fermer gauche/droite",
        common="le la les de des et est un une en pour que dans du qui sur pas avec au par il vous ce plus sont ou "
        "cette ne se votre aux être peut",
        letters="éèêàçœùî",
        negations="pas ne n jamais aucun aucune sans ni non rien personne nul",
        cautions="peut peuvent pourrait pourraient devrait devraient peut-être probablement possible éventuellement "
        "souvent parfois généralement environ presque quelques semble semblent habituellement normalement "
        "vraisemblablement",
        certainties="doit doivent toujours certainement garanti sûrement absolument",
        months="janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        numbers="deux trois quatre cinq six sept huit neuf dix onze douze quinze vingt trente quarante cinquante cent "
        "cents mille million millions milliard milliards douzaine demi",
        warnings="attention avertissement danger important avis remarque prudence",
    ),
    Language(
        code="es",
        opposites="antes/después más/menos mínimo/máximo habilitar/deshabilitar activar/desactivar "
        "aumentar/disminuir encima/debajo primero/último primera/última verdadero/falso "
        "siempre/nunca permitido/prohibido válido/inválido posible/imposible mayor/menor con/sin "
        "abrir/cerrar izquierda/derecha",
        common="el la los las de del es un una en para que con por se su no al como más lo este esta son puede si "
        "sobre cuando ser",
        letters="ñáíóú¿¡",
        negations="no nunca jamás sin ni ningún ninguna ninguno nada nadie tampoco",
        cautions="puede pueden podría podrían debería deberían quizás quizá tal_vez probablemente posiblemente "
        "generalmente normalmente a_menudo veces aproximadamente unos casi algunos algunas parece suele suelen cerca",
        certainties="debe deben siempre seguramente ciertamente garantizado definitivamente",
        months="enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        numbers="dos tres cuatro cinco seis siete ocho nueve diez once doce quince veinte treinta cuarenta cincuenta "
        "cien ciento mil millón millones docena medio",
        warnings="advertencia atención precaución peligro importante aviso nota cuidado",
    ),
    Language(
        code="pt",
        opposites="antes/depois mais/menos mínimo/máximo habilitar/desabilitar ativar/desativar "
        "aumentar/diminuir acima/abaixo primeiro/último primeira/última verdadeiro/falso "
        "sempre/nunca válido/inválido possível/impossível maior/menor com/sem abrir/fechar",
        common="os as de do da dos das um uma em para que com por se não no na ao mais como são ou você pode "
        "seu sua foi ser isso",
        letters="ãõçâê",
        negations="não nunca jamais sem nem nenhum nenhuma nada ninguém tampouco",
        cautions="pode podem poderia poderiam deveria deveriam talvez provavelmente possivelmente geralmente "
        "normalmente "
        "frequentemente vezes aproximadamente cerca quase alguns algumas parece costuma",
        certainties="deve devem sempre certamente garantido definitivamente",
        months="janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        numbers="dois duas três quatro cinco seis sete oito nove dez onze doze quinze vinte trinta quarenta cinquenta "
        "cem cento mil milhão milhões dúzia meio",
        warnings="aviso atenção cuidado perigo importante nota advertência",
    ),
    Language(
        code="it",
        opposites="prima/dopo più/meno minimo/massimo abilitare/disabilitare attivare/disattivare "
        "aumentare/diminuire sopra/sotto primo/ultimo prima/ultima vero/falso sempre/mai "
        "valido/invalido possibile/impossibile maggiore/minore con/senza aprire/chiudere",
        common="il lo la gli le di del della un una in per che con non si da sono come al nel anche più questo "
        "questa se può essere",
        letters="àèìòù",
        negations="non no mai senza né nessun nessuno nessuna niente nulla neanche nemmeno",
        cautions="può possono potrebbe potrebbero dovrebbe dovrebbero forse probabilmente possibilmente spesso a_volte "
        "generalmente normalmente circa quasi alcuni alcune sembra solitamente eventualmente",
        certainties="deve devono sempre certamente garantito sicuramente",
        months="gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        numbers="due tre quattro cinque sei sette otto nove dieci undici dodici quindici venti trenta quaranta "
        "cinquanta "
        "cento mille mila milione milioni dozzina mezzo",
        warnings="avviso attenzione avvertenza pericolo importante nota cautela",
    ),
    Language(
        code="nl",
        opposites="voor/na meer/minder minimum/maximum inschakelen/uitschakelen verhogen/verlagen "
        "boven/onder eerste/laatste altijd/nooit geldig/ongeldig mogelijk/onmogelijk hoger/lager "
        "groter/kleiner met/zonder",
        common="de het een en van is in op te dat met voor zijn niet aan die er als je om door ook bij of naar worden "
        "wordt kan deze kunt",
        negations="niet geen nooit zonder noch niets niemand",
        cautions="kan kunnen kon zou zouden moeten misschien mogelijk waarschijnlijk vaak soms meestal "
        "doorgaans ongeveer "
        "circa bijna enkele lijkt eventueel normaal",
        certainties="zal moet altijd zeker gegarandeerd",
        months="januari februari maart april mei juni juli augustus september oktober november december",
        numbers="twee drie vier vijf zes zeven acht negen tien elf twaalf twintig dertig vijftig honderd "
        "duizend miljoen "
        "miljard dozijn half",
        warnings="waarschuwing let_op pas_op gevaar belangrijk opmerking",
    ),
    Language(
        code="pl",
        opposites="przed/po więcej/mniej minimum/maksimum włącz/wyłącz zwiększ/zmniejsz nad/pod "
        "zawsze/nigdy większy/mniejszy",
        common="na do nie się jest że to jak dla od po są co przez lub oraz który która które tym może przy "
        "jego jeśli aby",
        letters="ąęłńśźżć",
        negations="nie nigdy bez ani żaden żadna żadne nic nikt brak",
        cautions="może mogą mógłby mogłaby powinien powinna powinno być_może prawdopodobnie zwykle często "
        "czasami około "
        "prawie niektóre niektórzy zazwyczaj ewentualnie możliwe raczej",
        certainties="musi muszą zawsze na_pewno gwarantowane",
        months="stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia "
        "styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień",
        numbers="dwa dwie trzy cztery pięć sześć siedem osiem dziewięć dziesięć jedenaście dwanaście dwadzieścia sto "
        "tysiąc milion tuzin pół",
        warnings="ostrzeżenie uwaga niebezpieczeństwo ważne",
    ),
    Language(
        code="sv",
        common="och att en ett det som på är av för med den till inte om har de kan du eller från var ska när",
        letters="åäö",
        negations="inte ej aldrig ingen inget inga utan varken icke",
        cautions="kan kunde bör borde kanske möjligen troligen ofta ibland vanligtvis ungefär cirka nästan "
        "några verkar",
        certainties="ska måste alltid säkert garanterat",
        months="januari februari mars april maj juni juli augusti september oktober november december",
        numbers="två tre fyra fem sex sju åtta nio tio tolv tjugo hundra tusen miljon miljoner",
        warnings="varning obs viktigt fara",
    ),
    Language(
        code="da",
        common="og at en et det som på er af for med den til ikke om har de kan du eller fra var skal når der jeg",
        letters="æøå",
        negations="ikke aldri aldrig ingen intet uden hverken ej uten",
        cautions="kan kunne bør burde måske kanskje muligvis sandsynligvis sannsynligvis ofte sommetider noen nogle "
        "vanligvis normalt omkring cirka næsten nesten",
        certainties="skal må altid alltid sikkert garanteret",
        months="januar februar marts april maj juni juli august september oktober november december",
        numbers="to tre fire fem seks syv sju otte åtte ni ti tolv tyve hundrede tusind tusen million millioner",
        warnings="advarsel obs vigtigt viktig fare",
    ),
    Language(
        code="cs",
        common="na se je že to do pro jako které který která nebo jsou po při od ve si není podle může",
        letters="ěščřžůď",
        negations="ne nikdy bez ani žádný žádná žádné nic nikdo není nejsou nelze nemá nesmí nemůže",
        cautions="může mohou mohl by mohla snad možná pravděpodobně obvykle často někdy asi přibližně téměř některé",
        certainties="musí vždy jistě zaručeně",
        months="ledna února března dubna května června července srpna září října listopadu prosince "
        "leden únor březen duben květen červen červenec srpen září říjen listopad prosinec",
        numbers="dva dvě tři čtyři pět šest sedm osm devět deset dvanáct dvacet sto tisíc milion",
        warnings="varování upozornění pozor důležité",
    ),
    Language(
        code="fi",
        common="ja on ei se että joka ovat tai kun voi ole mutta myös sen niin kuin jos tämä tämän hän oli sekä",
        negations="ei en et emme ette eivät älä älkää ilman koskaan",
        cautions="voi voivat voisi saattaa ehkä mahdollisesti luultavasti usein joskus yleensä noin lähes jotkut",
        certainties="täytyy pitää aina varmasti",
        months="tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta "
        "lokakuuta marraskuuta joulukuuta tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu heinäkuu elokuu "
        "syyskuu lokakuu marraskuu joulukuu",
        numbers="kaksi kolme neljä viisi kuusi seitsemän kahdeksan yhdeksän kymmenen kaksitoista sata tuhat miljoona",
        warnings="varoitus huomio huom tärkeää",
    ),
    Language(
        code="tr",
        common="ve bir bu için ile da de olarak daha çok gibi olan var sonra kadar veya ise ancak her en",
        letters="ğışç",
        negations="değil yok hiç olmadan asla",
        cautions="olabilir belki muhtemelen genellikle bazen yaklaşık neredeyse bazı sık_sık",
        certainties="mutlaka her_zaman kesinlikle",
        months="ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
        numbers="iki üç dört beş altı yedi sekiz dokuz on yirmi yüz bin milyon",
        warnings="uyarı dikkat önemli",
    ),
    Language(
        code="ro",
        common="și de la în un cu pe este nu că pentru din care sunt mai sau se prin ca dacă să",
        letters="șțăâ",
        negations="nu niciodată fără nici niciun nicio nimic nimeni",
        cautions="poate pot ar_putea probabil posibil adesea uneori de_obicei aproximativ circa aproape unele",
        certainties="trebuie întotdeauna sigur garantat",
        months="ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
        numbers="doi două trei patru cinci șase șapte opt nouă zece douăzeci sută mie mii milion milioane",
        warnings="avertisment atenție important pericol",
    ),
    Language(
        code="hu",
        common="az és hogy nem egy is meg vagy ez van kell azt lehet mint ha már csak de el",
        letters="őű",
        negations="nem ne nincs sem soha nélkül se",
        cautions="lehet talán valószínűleg általában gyakran néha körülbelül majdnem néhány",
        certainties="kell mindig biztosan",
        months="január február március április május június július augusztus szeptember október november december",
        numbers="kettő két három négy öt hat hét nyolc kilenc tíz húsz száz ezer millió",
        warnings="figyelmeztetés figyelem fontos",
    ),
    Language(
        code="id",
        common="yang dan di untuk dengan ini dari dalam pada adalah atau tidak akan dapat itu ke anda sebuah oleh",
        negations="tidak bukan jangan tanpa belum tak tidak_pernah",
        cautions="dapat bisa mungkin barangkali biasanya sering kadang sekitar kira-kira hampir beberapa sebaiknya",
        certainties="akan harus selalu pasti",
        months="januari februari maret april mei juni juli agustus september oktober november desember",
        numbers="dua tiga empat lima enam tujuh delapan sembilan sepuluh seratus seribu juta",
        warnings="peringatan perhatian penting bahaya",
    ),
    Language(
        code="vi",
        common="và của là các có được cho một trong với những không này để khi bạn từ như sẽ thể",
        letters="ăđơưạảấầẩậắặẹẻẽếềểệ",
        negations="không chưa chẳng đừng",
        cautions="có_thể nên thường khoảng gần hầu_như một_số",
        certainties="sẽ phải luôn chắc_chắn",
        numbers="hai ba bốn năm sáu bảy tám chín mười trăm nghìn triệu",
        warnings="cảnh_báo chú_ý quan_trọng",
    ),
)
