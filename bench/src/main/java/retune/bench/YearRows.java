package retune.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import retune.bench.YearScript.Day;
import retune.bench.YearScript.Population;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.distribution.Drill;
import retune.core.distribution.FeatureColumn;
import retune.core.distribution.TableDistribution;
import retune.core.distribution.TableSampler;

/** Draws the rows of a year from a learned distribution. */
record YearRows(TableDistribution distribution) {
  private static final int TILTED_COLUMNS = 2;

  /** A tilted row is kept with its probability, a quarter in the mean. */
  private static final int DRAWN_FOR_TILTED = 6;

  /** Rows with true labels. */
  Table of(Population population, long seed, LocalDate date, int rows) {
    if (!population.tilted()) {
      return drawn(population.drill(), seed, date, rows);
    }
    Table drawn = drawn(Drill.NONE, seed, date, DRAWN_FOR_TILTED * rows);
    List<FeatureColumn> columns =
        distribution.columns().stream()
            .sorted(Comparator.comparingDouble(FeatureColumn::relevance))
            .limit(TILTED_COLUMNS)
            .toList();
    SplittableRandom random = new SplittableRandom(seed ^ date.toEpochDay());
    int[] kept =
        IntStream.range(0, drawn.rows())
            .filter(
                row ->
                    columns.stream()
                            .mapToDouble(column -> rank(column, drawn, row))
                            .reduce(1, (a, b) -> a * b)
                        > random.nextDouble())
            .limit(rows)
            .toArray();
    if (kept.length < rows) {
      throw new IllegalStateException("Only " + kept.length + " tilted rows of " + rows);
    }
    return drawn.select(kept);
  }

  /** A day's rows with the labels that are recorded. */
  Table recorded(Day day, long seed, LocalDate date, int rows) {
    return day.noise() == 0
        ? of(day.population(), seed, date, rows)
        : drawn(new Drill(Drill.Kind.LABEL_NOISE, day.noise()), seed, date, rows);
  }

  private Table drawn(Drill drill, long seed, LocalDate date, int rows) {
    return new TableSampler(distribution, seed, date, drill).table(rows);
  }

  /** The share of the column's values that are at most the row's. */
  private static double rank(FeatureColumn feature, Table table, int row) {
    Column column = table.column(feature.name());
    if (column.isMissing(row)) {
      return 0.5;
    }
    double value =
        switch (column) {
          case Column.Numbers numbers -> numbers.values()[row];
          case Column.Texts texts -> feature.categories().indexOf(texts.text(row));
        };
    return feature.marginal().shareUpTo(value);
  }

  /** Writes rows as a CSV file. */
  static void write(Path file, Table table) throws IOException {
    StringBuilder text = new StringBuilder(String.join(",", table.names())).append('\n');
    for (int row = 0; row < table.rows(); row++) {
      for (int i = 0; i < table.columns().size(); i++) {
        Column column = table.columns().get(i);
        text.append(i == 0 ? "" : ",").append(column.isMissing(row) ? "" : column.text(row));
      }
      text.append('\n');
    }
    Files.writeString(file, text);
  }
}
