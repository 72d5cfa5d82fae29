package retune.loop.authoring;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.devstore.EmbeddedStore;
import retune.loop.LoopSteps;
import retune.testing.StepProcess;
import tools.jackson.databind.JsonNode;

/**
 * A table as a spreadsheet in Germany writes it goes the whole way, in processes of their own and
 * with a German user's locale; 4 % of the amounts and days are missing.
 */
class ForeignTableTest {
  private static final int ROWS = 2_300; // more than two chunks
  private static final DateTimeFormatter GERMAN = DateTimeFormatter.ofPattern("dd.MM.yyyy");

  /** The words that stand for a missing value: null where there is one. */
  private record Row(
      double amount,
      @Nullable String noAmount,
      int thousands,
      LocalDate day,
      @Nullable String noDay,
      String street,
      String label) {}

  @TempDir Path folder;
  private final List<Row> rows = rows();
  private EmbeddedStore store;
  private StepProcess steps;

  @BeforeEach
  void start() {
    store = EmbeddedStore.inMemory();
    steps =
        LoopSteps.of(folder, store.uri()).withOptions("-Duser.language=de", "-Duser.country=DE");
  }

  @AfterEach
  void stop() {
    store.close();
  }

  @Test
  void aModelAnswersTheFileThatItWasMadeOfHoweverTheFileIsWritten() throws Exception {
    Path latin = Files.writeString(folder.resolve("latin.csv"), german(), ISO_8859_1);
    Path marked = Files.writeString(folder.resolve("marked.csv"), "\uFEFF" + german(), UTF_8);
    Path plain = Files.writeString(folder.resolve("plain.csv"), plain(), UTF_8);
    makeLoop(latin);
    String kinds = Files.readString(folder.resolve("output/columns.yaml"));
    for (String kind : List.of("Betrag\": numeric", "größe\": numeric", "Tag\": date")) {
      assertTrue(kinds.contains("\"" + kind), kinds);
    }
    assertTrue(kinds.contains("; 4.0 % missing\n  \"Betrag\""), kinds);
    String report = Files.readString(folder.resolve("output/report.html"));
    assertFalse(report.matches("(?s).*points=\"\\d+,\\d+,.*"), "decimal commas draw nothing");
    assertTrue(
        report.matches("(?s).*<title>\\d{4}-\\d\\d-\\d\\d to \\d{4}-\\d\\d-\\d\\d: real.*"),
        "a bar shows the days between two dates");

    String answers = predict(latin);
    assertEquals(ROWS + 1, answers.lines().count());
    assertEquals(answers, predict(marked));
    assertEquals(answers, predict(plain));

    JsonNode taken = ingest(latin);
    assertEquals(ROWS, taken.get("rows").intValue());
    assertEquals(0, taken.get("unlabelled").intValue());
    JsonNode processed =
        steps.result("process_data", "--model", "laden", "--logical-date", "2026-11-05");
    assertEquals(ROWS, processed.get("labelled").intValue(), processed.toString());
    assertEquals(0, processed.get("rejected").size(), processed.toString());
    for (Path same : List.of(marked, plain)) {
      JsonNode again = ingest(same);
      assertEquals(taken.get("content_hash"), again.get("content_hash"));
      assertTrue(!again.get("changed").booleanValue(), again.toString());
    }

    String header = "Betrag;größe;Tag;Straße;gekündigt\n";
    Path few = folder.resolve("few.csv");
    Files.writeString(few, header + "1.234;5.678;3.4.2025;x;ja\nk.A.;2.000;-;x;nein\n");
    String hash = ingest(few).get("content_hash").stringValue();
    Files.writeString(few, header + "1234;5678;2025-04-03;x;ja\n;2000;;x;nein\n");
    assertEquals(hash, ingest(few).get("content_hash").stringValue(), "read as the table was");
  }

  private void makeLoop(Path data) throws Exception {
    steps.result(
        "new_loop",
        "--data",
        data.toString(),
        "--target",
        "gekündigt",
        "--name",
        "laden",
        "--models",
        "trees",
        "--output",
        folder.resolve("output").toString(),
        "--loops",
        folder.toString());
  }

  /** The file of answers; no row may be without one, and no value unread. */
  private String predict(Path data) throws Exception {
    Path output = folder.resolve("answers.csv");
    JsonNode predicted =
        steps.result(
            "predict",
            "--model",
            "laden",
            "--data",
            data.toString(),
            "--output",
            output.toString());
    assertEquals(ROWS, predicted.get("predicted").intValue(), predicted.toString());
    assertEquals(92, predicted.at("/outcomes/imputed.Betrag").intValue(), predicted.toString());
    assertEquals(92, predicted.at("/outcomes/imputed.Tag").intValue(), predicted.toString());
    assertEquals(2, predicted.get("outcomes").size(), predicted.toString());
    return Files.readString(output);
  }

  private JsonNode ingest(Path data) throws Exception {
    return steps.result(
        "ingest", "--data", data.toString(), "--model", "laden", "--logical-date", "2026-11-05");
  }

  private String german() {
    return text(
        ";",
        "\r\n",
        row ->
            String.format(
                Locale.GERMANY,
                "%s;%,d;%s;\"%s\";%s",
                row.noAmount == null
                    ? String.format(Locale.GERMANY, "%,.2f", row.amount)
                    : row.noAmount,
                row.thousands,
                row.noDay == null ? row.day.format(GERMAN) : row.noDay,
                row.street,
                row.label));
  }

  private String plain() {
    return text(
        ",",
        "\n",
        row ->
            String.format(
                Locale.ROOT,
                "%s,%d,%s,\"%s\",%s",
                row.noAmount == null ? String.format(Locale.ROOT, "%.2f", row.amount) : "",
                row.thousands,
                row.noDay == null ? row.day : "",
                row.street,
                row.label));
  }

  private String text(String delimiter, String lineEnd, Function<Row, String> line) {
    String header = String.join(delimiter, "Betrag", "größe", "Tag", "Straße", "gekündigt");
    return rows.stream().map(line).collect(Collectors.joining(lineEnd, header + lineEnd, lineEnd));
  }

  private static List<Row> rows() {
    Random random = new Random(11);
    List<Row> rows = new ArrayList<>();
    for (int row = 0; row < ROWS; row++) {
      double amount = Math.round(250_000 + 100_000 * random.nextGaussian()) / 100.0;
      rows.add(
          new Row(
              amount,
              missing(row, 3),
              1_000 + random.nextInt(9_000),
              LocalDate.of(2016, 1, 1).plusDays(random.nextInt(3_650)),
              missing(row, 7),
              random.nextBoolean() ? "Königstraße; hinten" : "Am Bühl\noben",
              amount + 400 * random.nextGaussian() > 2_800 ? "ja" : "nein"));
    }
    return rows;
  }

  /** 4 % of the rows have a word. */
  private static @Nullable String missing(int row, int place) {
    return row % 25 == place ? List.of("k.A.", "n/a", "-").get(row % 3) : null;
  }
}
