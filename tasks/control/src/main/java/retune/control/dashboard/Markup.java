package retune.control.dashboard;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collector;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import retune.report.Html;

/**
 * HTML whose texts are escaped. Whatever is put into a template is escaped unless it is markup
 * itself, so that a name or a value cannot become a part of the page.
 *
 * @param html well-formed; only templates and charts of this program may be given
 */
record Markup(String html) {
  static final Markup NONE = new Markup("");

  private static final String HOLE = "{}";

  /** The text as it is. */
  static Markup text(String text) {
    return new Markup(Html.text(text));
  }

  /**
   * A template with each {@code {}} replaced: by markup, or by the escaped text of any other value.
   *
   * @param template a constant
   */
  static Markup of(String template, Object... values) {
    StringBuilder html = new StringBuilder();
    int from = 0;
    for (Object value : values) {
      int hole = template.indexOf(HOLE, from);
      if (hole < 0) {
        throw new IllegalArgumentException(values.length + " values for " + template);
      }
      html.append(template, from, hole)
          .append(value instanceof Markup markup ? markup.html : Html.text(value.toString()));
      from = hole + HOLE.length();
    }
    if (template.indexOf(HOLE, from) >= 0) {
      throw new IllegalArgumentException(values.length + " values for " + template);
    }
    return new Markup(html.append(template, from, template.length()).toString());
  }

  /** One after the other. */
  static Markup join(Markup... parts) {
    return Stream.of(parts).collect(joining());
  }

  /** One after the other. */
  static Collector<Markup, ?, Markup> joining() {
    return Collectors.collectingAndThen(
        Collectors.mapping(Markup::html, Collectors.joining()), Markup::new);
  }

  /** A link to a page of this service. */
  static Markup link(String path, Object content) {
    return of("<a href=\"{}\">{}</a>", path, content);
  }

  /** A field of a form that nobody sees. */
  static Markup hidden(String name, String value) {
    return of("<input type=\"hidden\" name=\"{}\" value=\"{}\">", name, value);
  }

  /** A table; a column of numbers is aligned to the right. */
  static Markup table(String caption, List<Heading> headings, List<List<Markup>> rows) {
    return of(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\""
            + " aria-label=\"{}\"><table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>\n",
        caption,
        caption,
        headings.stream()
            .map(heading -> of("<th scope=\"col\"{}>{}</th>", heading.attribute(), heading.name()))
            .collect(joining()),
        rows.stream().map(row -> row(headings, row)).collect(joining()));
  }

  private static Markup row(List<Heading> headings, List<Markup> cells) {
    StringBuilder row = new StringBuilder("<tr>");
    for (int column = 0; column < headings.size(); column++) {
      String tag = column == 0 ? "th" : "td";
      row.append('<').append(tag).append(column == 0 ? " scope=\"row\"" : "");
      row.append(headings.get(column).attribute().html).append('>');
      row.append(cells.get(column).html).append("</").append(tag).append('>');
    }
    return new Markup(row.append("</tr>\n").toString());
  }

  /**
   * The head of a column.
   *
   * @param style class of its cells; empty for none
   */
  record Heading(String name, String style) {
    static Heading text(String name) {
      return new Heading(name, "");
    }

    static Heading number(String name) {
      return new Heading(name, "n");
    }

    /** Of cells with sentences, which need room. */
    static Heading sentences(String name) {
      return new Heading(name, "why");
    }

    private Markup attribute() {
      return style.isEmpty() ? NONE : of(" class=\"{}\"", style);
    }
  }

  /** A segment of a path, or a value of a query. */
  static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
