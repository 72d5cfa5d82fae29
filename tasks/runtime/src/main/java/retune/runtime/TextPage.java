package retune.runtime;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes the text of a {@link Page}: headings, labelled lines and tables. */
public final class TextPage {
  private static final int WIDTH = 100;
  private static final int INDENT = 2;
  private static final int LABEL_WIDTH = 16;

  private final StringBuilder text = new StringBuilder();

  /** Starts a section. */
  public TextPage heading(String title) {
    text.append(text.isEmpty() ? "" : "\n").append(title).append('\n');
    return this;
  }

  /** Adds a line {@code label value}; none where the value is null or empty. */
  public TextPage line(String label, @Nullable String value) {
    if (value != null && !value.isEmpty()) {
      String wrapped = wrap(value, INDENT + LABEL_WIDTH).stripLeading();
      text.append(" ".repeat(INDENT)).append(padded(label, LABEL_WIDTH)).append(wrapped);
      text.append('\n');
    }
    return this;
  }

  /** Adds text that is broken into lines. */
  public TextPage paragraph(String words) {
    text.append(wrap(words, INDENT)).append('\n');
    return this;
  }

  /** Adds a line that is not broken, such as a command. */
  public TextPage verbatim(String line) {
    text.append(" ".repeat(INDENT)).append(line).append('\n');
    return this;
  }

  /** Adds rows of cells in columns that are as wide as their widest cell. */
  public TextPage table(List<List<String>> rows) {
    List<Integer> widths = new ArrayList<>();
    for (List<String> row : rows) {
      for (int column = 0; column < row.size(); column++) {
        int width = row.get(column).length();
        if (column == widths.size()) {
          widths.add(width);
        } else {
          widths.set(column, Math.max(widths.get(column), width));
        }
      }
    }
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder(" ".repeat(INDENT));
      for (int column = 0; column < row.size(); column++) {
        line.append(padded(row.get(column), widths.get(column) + 2));
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
    return this;
  }

  @Override
  public String toString() {
    return text.toString();
  }

  /** Breaks text into lines of at most 100 characters. */
  static String wrap(String words, int indent) {
    StringBuilder line = new StringBuilder();
    StringBuilder lines = new StringBuilder();
    for (String word : words.split("\\s+", -1)) {
      if (!line.isEmpty() && indent + line.length() + 1 + word.length() > WIDTH) {
        lines.append(" ".repeat(indent)).append(line).append('\n');
        line.setLength(0);
      }
      line.append(line.isEmpty() ? "" : " ").append(word);
    }
    return lines.append(" ".repeat(indent)).append(line).toString();
  }

  private static String padded(String cell, int width) {
    return cell + " ".repeat(Math.max(1, width - cell.length()));
  }
}
