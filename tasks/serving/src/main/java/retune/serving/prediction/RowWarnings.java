package retune.serving.prediction;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.data.Features;
import retune.core.preprocessing.Outcome;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.Scaling;

/** Collects the warnings of each row of a request while it is read. */
final class RowWarnings implements Preprocessing.Observer {
  /** What is known of a version's columns, once for all requests. */
  static final class Columns {
    /** The raw column of each feature. */
    private final Map<String, String> columnOf = new HashMap<>();

    /** The raw column of each numeric feature that is scaled; null for one that is not. */
    private final @Nullable String[] scaled;

    private final boolean texts;

    Columns(Preprocessing preprocessing) {
      preprocessing
          .featuresByColumn()
          .forEach((column, features) -> features.forEach(name -> columnOf.put(name, column)));
      // A date whose parts are features is named by its column, too, where its value is missing.
      preprocessing.rawColumns().forEach(column -> columnOf.put(column, column));
      texts = preprocessing.text() != null;
      List<@Nullable String> names = new ArrayList<>();
      preprocessing
          .numeric()
          .forEach(column -> names.add(isScaled(column.scaling()) ? column.name() : null));
      preprocessing
          .dates()
          .forEach(
              column ->
                  column
                      .numeric()
                      .forEach(part -> names.add(isScaled(part.scaling()) ? column.name() : null)));
      scaled = names.toArray(new @Nullable String[0]);
    }

    private static boolean isScaled(Scaling scaling) {
      return !scaling.equals(Scaling.NONE);
    }
  }

  private static final class OfRow {
    private final Map<String, Warnings.Warning> warnings = new LinkedHashMap<>();
    private int leftOut;

    void add(Warnings.Warning warning) {
      String key = warning.kind() + '/' + warning.column();
      if (warnings.containsKey(key)) {
        return;
      }
      if (warnings.size() < Warnings.MOST) {
        warnings.put(key, warning);
      } else {
        leftOut++;
      }
    }
  }

  private final Columns columns;
  private final Map<Integer, OfRow> byRow = new HashMap<>();

  RowWarnings(Columns columns) {
    this.columns = columns;
  }

  @Override
  public void handled(int row, Outcome outcome, String feature) {
    String column = columns.columnOf.getOrDefault(feature, feature);
    if (columns.texts) {
      add(row, Warnings.Warning.ofText(outcome, column));
    } else if (outcome != Outcome.CLIPPED) {
      // A clipped number is far outside: see below.
      add(row, Warnings.Warning.of(outcome, column));
    }
  }

  /** Adds the numbers that are far outside what the version was fitted to. */
  void check(Features features) {
    for (int feature = 0; feature < columns.scaled.length; feature++) {
      String column = columns.scaled[feature];
      if (column == null) {
        continue;
      }
      float[] numbers = features.numbers()[feature];
      for (int row = 0; row < numbers.length; row++) {
        if (Math.abs(numbers[row]) > Warnings.FAR_OUTSIDE) {
          add(row, Warnings.Warning.farOutside(column));
        }
      }
    }
  }

  private void add(int row, Warnings.Warning warning) {
    byRow.computeIfAbsent(row, _ -> new OfRow()).add(warning);
  }

  /** The warnings of a row. */
  Warnings of(int row) {
    OfRow found = byRow.get(row);
    return found == null
        ? Warnings.NONE
        : new Warnings(List.copyOf(found.warnings.values()), found.leftOut);
  }
}
