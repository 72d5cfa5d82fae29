package retune.loop.authoring;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import retune.loop.LoopSteps;
import retune.testing.StepProcess;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.devstore.EmbeddedStore;
import tools.jackson.databind.JsonNode;

/** A table as a spreadsheet in Germany writes it goes the whole way, in processes of their own. */
class ForeignTableTest {
  private static final int ROWS = 2_300; // more than two chunks
  private static final DateTimeFormatter GERMAN = DateTimeFormatter.ofPattern("dd.MM.yyyy");

  private record Row(double amount, int thousands, LocalDate day, String street, String label) {}

  @TempDir Path folder;
  private final List<Row> rows = rows();
  private EmbeddedStore store;
  private StepProcess steps;

  @BeforeEach
  void start() {
    store = EmbeddedStore.inMemory();
    steps = LoopSteps.of(folder, store.uri());
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
        "--pretraining-epochs",
        "1",
        "--epochs",
        "1",
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
    assertEquals(0, predicted.get("outcomes").size(), predicted.toString());
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
                "%,.2f;%,d;%s;\"%s\";%s",
                row.amount,
                row.thousands,
                row.day.format(GERMAN),
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
                "%.2f,%d,%s,\"%s\",%s",
                row.amount,
                row.thousands,
                row.day,
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
              1_000 + random.nextInt(9_000),
              LocalDate.of(2025, 1, 1).plusDays(random.nextInt(365)),
              random.nextBoolean() ? "Königstraße; hinten" : "Am Bühl\noben",
              amount + 400 * random.nextGaussian() > 2_800 ? "ja" : "nein"));
    }
    return rows;
  }
}
