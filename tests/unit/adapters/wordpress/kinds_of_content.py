"""Kinds of content that pages of WordPress have: blocks as its editor writes them, and what people paste."""

_PARAGRAPH = "<!-- wp:paragraph -->\n<p>Tea.</p>\n<!-- /wp:paragraph -->"
_FORM = '<form action="/x" method="post"><input name="q" required><textarea>\n\nx</textarea><button onclick="go()">Go</button></form>'

KINDS: dict[str, str] = {
    "paragraph": _PARAGRAPH,
    "heading": '<!-- wp:heading {"level":3} -->\n<h3>Tea &amp; milk</h3>\n<!-- /wp:heading -->',
    "list": "<!-- wp:list -->\n<ul><!-- wp:list-item -->\n<li>One</li>\n<!-- /wp:list-item --></ul>\n<!-- /wp:list -->",
    "quote": f'<!-- wp:quote -->\n<blockquote class="wp-block-quote">{_PARAGRAPH}<cite>Me</cite></blockquote>\n<!-- /wp:quote -->',
    "image": '<!-- wp:image {"id":5,"sizeSlug":"large"} -->\n<figure class="wp-block-image size-large"><img src="/a.jpg" alt="" '
    'class="wp-image-5"/><figcaption class="wp-element-caption">Cap</figcaption></figure>\n<!-- /wp:image -->',
    "gallery": '<!-- wp:gallery {"linkTo":"none"} -->\n<figure class="wp-block-gallery has-nested-images"><!-- wp:image -->\n<figure '
    'class="wp-block-image"><img src="/1.jpg" alt=""/></figure>\n<!-- /wp:image --></figure>\n<!-- /wp:gallery -->',
    "cover": '<!-- wp:cover {"url":"/a.jpg","dimRatio":50} -->\n<div class="wp-block-cover" style="background:url(x);position:fixed">'
    f"{_PARAGRAPH}</div>\n<!-- /wp:cover -->",
    "group": f'<!-- wp:group {{"layout":{{"type":"constrained"}}}} -->\n<div class="wp-block-group">{_PARAGRAPH}</div>\n<!-- /wp:group -->',
    "columns": '<!-- wp:columns -->\n<div class="wp-block-columns"><!-- wp:column {"width":"66.66%"} -->\n<div class="wp-block-column" '
    f'style="flex-basis:66.66%">{_PARAGRAPH}</div>\n<!-- /wp:column --></div>\n<!-- /wp:columns -->',
    "table": '<!-- wp:table -->\n<figure class="wp-block-table"><table><tbody><tr><td>a</td></tr></tbody></table></figure>\n<!-- /wp:table -->',
    "code": '<!-- wp:code -->\n<pre class="wp-block-code"><code>C:\\new \\\\ \\" &lt;b&gt; &amp;amp; &#91;x]</code></pre>\n<!-- /wp:code -->',
    "preformatted": '<!-- wp:preformatted -->\n<pre class="wp-block-preformatted">a\n\n  b</pre>\n<!-- /wp:preformatted -->',
    "buttons": '<!-- wp:buttons -->\n<div class="wp-block-buttons"><!-- wp:button -->\n<div class="wp-block-button"><a class="wp-block-'
    'button__link wp-element-button" href="/x">Go</a></div>\n<!-- /wp:button --></div>\n<!-- /wp:buttons -->',
    "embed": '<!-- wp:embed {"url":"https://v.example/1","type":"video"} -->\n<figure class="wp-block-embed is-type-video"><div '
    'class="wp-block-embed__wrapper">\nhttps://v.example/1\n</div></figure>\n<!-- /wp:embed -->',
    "video": '<!-- wp:video -->\n<figure class="wp-block-video"><video controls src="/a.mp4"></video></figure>\n<!-- /wp:video -->',
    "separator": '<!-- wp:separator -->\n<hr class="wp-block-separator has-alpha-channel-opacity"/>\n<!-- /wp:separator -->',
    "latest posts": '<!-- wp:latest-posts {"postsToShow":3,"displayPostDate":true} /-->',
    "reusable": '<!-- wp:block {"ref":5} /-->',
    "footnotes": f'{_PARAGRAPH}\n\n<!-- wp:paragraph -->\n<p>a<sup data-fn="u-1" class="fn"><a href="#u-1" id="u-1-link">1</a></sup></p>\n'
    "<!-- /wp:paragraph -->\n\n<!-- wp:footnotes /-->",
    "more": "<!-- wp:more -->\n<!--more-->\n<!-- /wp:more -->\n\n<!-- wp:nextpage -->\n<!--nextpage-->\n<!-- /wp:nextpage -->",
    "shortcode": '<!-- wp:shortcode -->\n[form id="12" title="A & B"]<b>x</b>[/form]\n<!-- /wp:shortcode -->',
    "custom html": '<!-- wp:html -->\n<iframe src="https://v.example/1" allowfullscreen></iframe><script>a = 1 < 2</script>\n<!-- /wp:html -->',
    "form": f"<!-- wp:html -->\n{_FORM}\n<!-- /wp:html -->",
    "vector image": '<!-- wp:html -->\n<svg viewBox="0 0 9 9"><linearGradient id="g"/><path d="M0 0" fill="url(#g)"/></svg>\n<!-- /wp:html -->',
    "style": "<!-- wp:html -->\n<style>\n.a > b { color: red }\n\n.b {}\n</style>\n<!-- /wp:html -->",
    "data": '<!-- wp:html -->\n<div data-x=\'{"a":1}\' data-on-click="x" aria-label=z hidden><my-el some></my-el></div>\n<!-- /wp:html -->',
    "srcset": '<!-- wp:html -->\n<img src=/a.jpg srcset="/a.jpg 1x, /b.jpg 2x" sizes="(max-width: 1px) 1px">\n<!-- /wp:html -->',
    "plugin": '<!-- wp:acme/box {"html":"\\u003cscript\\u003ex\\u003c/script\\u003e","n":1} -->\n<section class="b" onclick="z">'
    '<object data="x"></object></section>\n<!-- /wp:acme/box -->',
    "nested": '<!-- wp:group -->\n<div class="wp-block-group" onclick="w"><!-- wp:group -->\n<div class="wp-block-group"><!-- wp:html -->'
    "\n<script>1</script>\n<!-- /wp:html --></div>\n<!-- /wp:group --></div>\n<!-- /wp:group -->",
    "not closed": f'<!-- wp:group -->\n<div class="wp-block-group">{_PARAGRAPH}',
    "closed twice": "<p>x</p><!-- /wp:paragraph --> y </div>",
    "windows lines": _PARAGRAPH.replace("\n", "\r\n") + "\r\n",
    "emoji": "<!-- wp:paragraph -->\n<p>😀 👩\u200d👧 \u00ad é e\u0301 \u2028</p>\n<!-- /wp:paragraph -->",
    "control characters": "<!-- wp:paragraph -->\n<p>a\x01\x0b\x1f\x7f\x85b</p>\n<!-- /wp:paragraph -->",
    "classic": 'Welcome to <strong>tea</strong>.\n\nSee <a href="https://t.example/x">this</a>.\n\n[gallery ids="1"]',
    "classic, pasted": 'He said "hi" & it\'s <em>fine</em>\n\n\n\n<!--more-->\n[caption id="a" width="300"]<img src="/a.jpg" alt="" /> Cap'
    "[/caption]\n\n    indented\n\n* star\n\n1986. A year",
    "classic, script": "Text\n\n<script>\n\nvar a = 1 < 2;\n\n</script>\n\nEnd",
    "classic, windows lines": "One\r\n\r\nTwo <b>x</b>\r\n\r\n[s]\r\n",
    "classic, an address alone": "https://v.example/watch?v=1\n\nText after",
    "like Markdown": "**not md** _x_ `y` # z\n# also\n- a\n- b",
    "old HTML": '<TABLE border=1 cellpadding="0"><tr><td valign=top><font color=red>x</font></td></tr></TABLE>',
    "comments": "<!--[if IE]><p>x</p><![endif]--><!-- a -- b --><p>y</p>",
    "entities": "AT&T &nbsp; &copy; &unknown; &#8217; 3 < 4 <3",
    "templates": "$$x^2$$ \\(a\\) %s %1$s {{x}} {% y %} <?php echo 1; ?>",
    "blanks around": "  \n<p>a</p>  \n\t\n",
    "a mark of the byte order": "\ufeff<p>x</p>",
    "links": '<p><a href="https://x.y" target="_blank" rel="noreferrer noopener">z</a></p>',
}
