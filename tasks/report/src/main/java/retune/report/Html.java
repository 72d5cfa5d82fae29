package retune.report;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import retune.core.data.Hashing;

/** Self-contained pages: no script, and nothing loaded from elsewhere. */
public final class Html {
  /** A number with or without a sign, an interval, a percentage, a p-value, a dash, or nothing. */
  private static final Pattern NUMBER =
      Pattern.compile("([–+−0-9][0-9., %–]*(to [+−0-9][0-9.]*)?|p [=<] [0-9.]+)?");

  private static final String STYLE =
      """
      :root{color-scheme:light dark;--ink:#1b2430;--soft:#5b6675;--paper:#fff;--edge:#dde2e9;--c0:#2563c9;--c1:#d9660a;--c2:#1d8a55;--c3:#a2309f;--c4:#8a6d00;--c5:#0b8793;--c6:#b3263a;--c7:#5d5fa8}
      @media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--paper:#12161c;--edge:#303844;--c0:#6ea8ff;--c1:#ff9d52;--c2:#54c98f;--c3:#dd85da;--c4:#d6b94a;--c5:#4fc6d2;--c6:#f2788a;--c7:#a3a5ec}}
      body{margin:0 auto;max-width:70rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}
      h1{font-size:1.6rem;line-height:1.2}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid var(--edge)}
      p{max-width:46rem}.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:1rem}
      figure{margin:0;min-width:0}figcaption{font-size:.85rem;color:var(--soft)}svg{width:100%;height:auto;display:block}svg.own{width:auto;max-width:100%}
      svg text{font-size:11px;fill:var(--soft)}.grid{stroke:var(--edge)}.line{fill:none;stroke-width:2}.line.reference{stroke:var(--soft);stroke-width:1;stroke-dasharray:4 3}.whisker{stroke:var(--ink)}.cell{fill:var(--c6)}.bar{fill-opacity:.85}
      .c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.c4{stroke:var(--c4)}.c5{stroke:var(--c5)}.c6{stroke:var(--c6)}.c7{stroke:var(--c7)}
      .bar.c0{fill:var(--c0);stroke:none}.bar.c1{fill:var(--c1);stroke:none}
      .key{white-space:nowrap}.key::before{content:"";display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .3em 0 .6em;background:currentColor}
      .reference::before{background:var(--soft)}.k0::before{background:var(--c0)}.k1::before{background:var(--c1)}.k2::before{background:var(--c2)}.k3::before{background:var(--c3)}.k4::before{background:var(--c4)}.k5::before{background:var(--c5)}.k6::before{background:var(--c6)}.k7::before{background:var(--c7)}
      .wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}td,th{padding:.25rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--edge);overflow-wrap:normal}
      td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}.warn{border-left:4px solid var(--c6);padding-left:.8rem}
      """;

  private Html() {}

  /** The style sheet of {@link #page}, for pages that are served with others. */
  public static String style() {
    return STYLE;
  }

  /** Escapes text, so that it shows as it is. */
  public static String text(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;")
        .replace("'", "&#39;");
  }

  /** A page whose content security policy forbids scripts and everything from elsewhere. */
  public static String page(String title, String body) {
    String hash =
        Base64.getEncoder()
            .encodeToString(Hashing.sha256().digest(STYLE.getBytes(StandardCharsets.UTF_8)));
    return """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-%s'">
    <title>%s</title>
    <style>%s</style>
    </head>
    <body>
    <h1>%s</h1>
    %s</body>
    </html>
    """
        .formatted(hash, text(title), STYLE, text(title), body);
  }

  /** A heading of a section. */
  public static String heading(String text) {
    return "<h2>" + text(text) + "</h2>\n";
  }

  /** A paragraph of text. */
  public static String paragraph(String text) {
    return "<p>" + text(text) + "</p>\n";
  }

  /** A paragraph that stands out. */
  public static String warning(String text) {
    return "<p class=\"warn\">" + text(text) + "</p>\n";
  }

  /** Charts side by side, as many as there is room for. */
  public static String charts(List<String> charts) {
    return "<div class=\"charts\">\n" + String.join("", charts) + "</div>\n";
  }

  /** What may be wider than the page, and is then scrolled by itself. */
  public static String wide(String content) {
    return "<div class=\"wide\">" + content + "</div>\n";
  }

  /** A table of text; a column whose cells are all numbers is aligned to the right. */
  public static String table(List<String> header, List<List<String>> rows) {
    boolean[] numeric = new boolean[header.size()];
    for (int column = 0; column < numeric.length; column++) {
      int at = column;
      numeric[column] =
          !rows.isEmpty() && rows.stream().allMatch(row -> NUMBER.matcher(row.get(at)).matches());
    }
    return wide(
        "<table><thead>"
            + row("th", header, numeric)
            + "</thead><tbody>"
            + rows.stream().map(cells -> row("td", cells, numeric)).collect(Collectors.joining())
            + "</tbody></table>");
  }

  private static String row(String tag, List<String> cells, boolean[] numeric) {
    StringBuilder row = new StringBuilder("<tr>");
    for (int column = 0; column < cells.size(); column++) {
      row.append('<').append(tag).append(numeric[column] ? " class=\"n\">" : ">");
      row.append(text(cells.get(column))).append("</").append(tag).append('>');
    }
    return row.append("</tr>\n").toString();
  }
}
