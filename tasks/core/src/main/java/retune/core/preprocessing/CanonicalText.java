package retune.core.preprocessing;

import java.lang.reflect.RecordComponent;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Serialises a record with all its components, each text prefixed with its length, so that two
 * records of one type have the same text exactly if they are equal. A null is left out: a component
 * that may be null comes last, so that adding one changes no text.
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
          Object part = read(component, content);
          if (part != null) {
            append(text, part);
          }
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

  private static @Nullable Object read(RecordComponent component, Record content) {
    try {
      return component.getAccessor().invoke(content);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e); // the records of this package are open to it
    }
  }
}
