package retune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.LocalDate;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;

class InputReaderTest {
  /** Every kind of input. */
  record Input(
      @Field(value = "name of the model", format = Field.Format.MODEL_NAME) String model,
      @Field(value = "how to end", byDefault = "well") Ending ending,
      @Field(value = "least value", byDefault = "0.75", min = 0, max = 1) double threshold,
      @Field(value = "number of rows", byDefault = "10000", min = 1) int rows,
      @Field(value = "seed", byDefault = "0") long seed,
      @Field(value = "whether to be loud", byDefault = "false") boolean loud,
      @Field("logical date") @Nullable LocalDate logicalDate,
      @Field("columns to leave out") List<String> exclude) {}

  enum Ending {
    WELL,
    BADLY,
    NEVER
  }

  private final InputReader reader = new InputReader("rehearse", Input.class);

  @Test
  void flagsWinOverJson() {
    Input input = read("{\"model\": \"a\", \"rows\": 5}", "--rows", "6");

    assertEquals("a", input.model());
    assertEquals(6, input.rows());
  }

  @Test
  void aListIsTypedWithCommasAndEmptyWhereNotGiven() {
    assertEquals(List.of("ID", "x"), read("{}", "--model", "m", "--exclude", "ID, x").exclude());
    assertEquals(List.of(), read("{}", "--model", "m").exclude());
  }

  @Test
  void aLongTakesMoreThanAnIntDoes() {
    assertEquals(1L << 40, read("{}", "--model", "m", "--seed", "1099511627776").seed());
  }

  @Test
  void aJsonNullIsTheSameAsNotGiven() {
    assertEquals(0.75, read("{\"model\": \"m\", \"threshold\": null}").threshold());
  }

  record Trip(
      @Field(value = "where to", positional = true) String town,
      @Field("how far") int kilometres) {}

  @Test
  void oneInputMayBeTypedWithoutItsFlagAnywhereAndOnce() {
    InputReader trip = new InputReader("travel", Trip.class);
    for (List<String> words :
        List.of(
            List.of("Rome", "--kilometres", "7"),
            List.of("--kilometres", "7", "Rome"),
            List.of("--kilometres=7", "--town=Rome"))) {
      CommandLine commandLine = CommandLine.parse(words, trip);
      assertEquals(new Trip("Rome", 7), trip.read("{}", commandLine.inputs()));
    }
    assertEquals(
        "--town is given twice; give it once.",
        assertThrows(
                InvalidInputException.class, () -> CommandLine.parse(List.of("Rome", "Oslo"), trip))
            .getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '§',
      value = {
        "{} | rehearse needs 'model' (name of the model); give --model.",
        "{\"model\":\"m\",\"treshold\":1} | rehearse has no input 'treshold'. Did you mean 'threshold'? See ./retune rehearse --help.",
        "{\"model\":\"m\",\"threshold\":\"1\"} | rehearse: 'threshold' must be a number, not '1'.",
        "{\"model\":\"m\",\"threshold\":1.5} | rehearse: 'threshold' is 1.5; give a number from 0 to 1.",
        "{\"model\":\"m\",\"rows\":0} | rehearse: 'rows' is 0; give a number of at least 1.",
        "{\"model\":\"m\",\"rows\":3000000000} | rehearse: 'rows' must be a whole number, not '3000000000'.",
        "{\"model\":\"m\",\"rows\":1.5} | rehearse: 'rows' must be a whole number, not '1.5'.",
        "{\"model\":1} | rehearse: 'model' must be text, not '1'.",
        "{\"model\":\"m\",\"loud\":\"yes\"} | rehearse: 'loud' must be true or false, not 'yes'.",
        "{\"model\":\"m\",\"logical_date\":\"05.11.2026\"} | rehearse: 'logical_date' must be a date from 1900 to 9999, like 2026-11-05, not '05.11.2026'.",
        "{\"model\":\"m\",\"logical_date\":\"1899-12-31\"} | rehearse: 'logical_date' must be a date from 1900 to 9999, like 2026-11-05, not '1899-12-31'.",
        "{\"model\":\"m\",\"logical_date\":\"+12026-01-01\"} | rehearse: 'logical_date' must be a date from 1900 to 9999, like 2026-11-05, not '+12026-01-01'.",
        "{\"model\":\"../../etc\"} | rehearse: 'model' is '../../etc'; give up to 100 letters, digits, '.', '_' and '-', a letter or digit first.",
        "{\"model\":\"<script>\"} | rehearse: 'model' is '<script>'; give up to 100 letters, digits, '.', '_' and '-', a letter or digit first.",
        "{\"model\":\"m\",\"exclude\":\"a\"} | rehearse: 'exclude' must be a list, not 'a'.",
        "{\"model\":\"m\",\"ending\":\"wel\"} | rehearse: 'wel' is not a value of 'ending'; choose one of well, badly, never. Did you mean 'well'?",
        "[] | The value of --input is not a JSON object; give {\"name\": value, …}."
      })
  void badJsonIsRefusedByName(String json, String sentence) {
    assertEquals(
        sentence, assertThrows(InvalidInputException.class, () -> read(json)).getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '§',
      value = {
        "--rows many | rehearse: 'rows' must be a whole number, not 'many'.",
        "--row 5 | rehearse has no input 'row'. Did you mean 'rows'? See ./retune rehearse --help.",
        "model m | 'model' is not a flag; write flags as --name value.",
        "--model | --model needs a value.",
        "--model a --model b | --model is given twice; give it once.",
        "--mongo-uri x | --mongo-uri is not accepted on the command line, which other users of this machine can read; set RETUNE_MONGO_URI or RETUNE_MONGO_URI_FILE."
      })
  void badFlagsAreRefusedByName(String words, String sentence) {
    assertEquals(
        sentence,
        assertThrows(InvalidInputException.class, () -> read("{}", words.split(" ", -1)))
            .getMessage());
  }

  private Input read(String json, String... words) {
    CommandLine line = CommandLine.parse(List.of(words), reader);
    return (Input) reader.read(json, line.inputs());
  }
}
