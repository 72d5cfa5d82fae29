package retune.core.preprocessing;

import java.lang.reflect.RecordComponent;
import java.util.List;

/**
 * Writes a record down to its last component, each text with its length before it, so that two
 * records have the same text exactly when they are equal.
 */
final class CanonicalText {
  private CanonicalText() {}

  static String of(Record content) {
    StringBuilder text = new StringBuilder();
    append(text, content);
    return text.toString();
  }

  private static void append(StringBuilder text, Object value) {
    switch (value) {
      case Record content -> {
        text.append('{');
        for (RecordComponent component : content.getClass().getRecordComponents()) {
          append(text, read(component, content));
        }
        text.append('}');
      }
      case List<?> list -> {
        text.append('[');
        list.forEach(element -> append(text, element));
        text.append(']');
      }
      default -> {
        String leaf = value.toString();
        text.append(leaf.length()).append(':').append(leaf);
      }
    }
  }

  private static Object read(RecordComponent component, Record content) {
    try {
      return component.getAccessor().invoke(content);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e); // the records of this package are open to it
    }
  }
}
