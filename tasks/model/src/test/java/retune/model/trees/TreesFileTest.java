package retune.model.trees;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The fixtures are made by src/test/python/trees.py with the libraries themselves. */
public class TreesFileTest {
  private static final JsonMapper JSON = new JsonMapper();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "xgboost-two.json",
        "xgboost-two.ubj",
        "xgboost-three.json",
        "xgboost-three.ubj",
        "lightgbm-two.txt",
        "lightgbm-three.txt",
        "lightgbm-no-missing.txt"
      })
  void answersAsTheLibraryThatMadeTheFile(String file) {
    TreesFile trees = TreesFile.read(resource(file), file);
    JsonNode expected = JSON.readTree(resource(file.replaceFirst("[.].*", ".rows.json")));
    assertEquals(List.of("a", "b", "c", "kind"), trees.features());
    assertEquals(40, expected.get("rows").size());
    for (int row = 0; row < expected.get("rows").size(); row++) {
      double[] sums = trees.forest().answer(numbers(expected.get("rows").get(row)));
      JsonNode margins = expected.get("margins").get(row);
      assertEquals(margins.size(), sums.length);
      for (int output = 0; output < sums.length; output++) {
        assertEquals(margins.get(output).asDouble(), sums[output], 1e-6, file + ", row " + row);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"xgboost-two.ubj", "xgboost-three.json", "lightgbm-three.txt"})
  void writtenFilesHoldTheSameTrees(String file) {
    TreesFile trees = TreesFile.read(resource(file), file);
    byte[] ubj = XgboostFile.ubj(trees.forest(), trees.features());
    byte[] json = XgboostFile.json(trees.forest(), trees.features());
    TreesFile again = TreesFile.read(ubj, "written.ubj");
    assertArrayEquals(ubj, XgboostFile.ubj(again.forest(), again.features()));
    TreesFile fromJson = TreesFile.read(json, "written.json");
    assertArrayEquals(ubj, XgboostFile.ubj(fromJson.forest(), fromJson.features()));
    float[] row = {0.5f, Float.NaN, -1, 7};
    assertArrayEquals(trees.forest().answer(row), again.forest().answer(row));
  }

  @Test
  void afterEarlyStoppingTheLaterRoundsAreLeftOut() {
    String json = text("xgboost-two.json");
    String stopped = json.replace("\"attributes\":{}", "\"attributes\":{\"best_iteration\":\"1\"}");
    int whole = TreesFile.read(json.getBytes(UTF_8), "whole").forest().trees().size();
    int used = TreesFile.read(stopped.getBytes(UTF_8), "stopped").forest().trees().size();
    assertEquals(4, whole - used);
  }

  @ParameterizedTest
  @ValueSource(strings = {"xgboost-two.ubj", "xgboost-two.json", "lightgbm-two.txt"})
  void aFileThatIsCutShortIsRefused(String file) {
    byte[] bytes = resource(file);
    int end = text(file).indexOf("end of trees");
    for (int length = 0; length < (end < 0 ? bytes.length : end); length += 37) {
      byte[] part = Arrays.copyOf(bytes, length);
      var refused =
          assertThrows(InvalidInputException.class, () -> TreesFile.read(part, "part of " + file));
      assertTrue(
          String.valueOf(refused.getMessage()).startsWith("part of " + file), refused.getMessage());
    }
  }

  @Test
  void aDamagedFileIsRefusedOrReadButNeverBreaksTheReader() {
    byte[] bytes = resource("xgboost-two.ubj");
    for (int at = 0; at < bytes.length; at++) {
      byte[] damaged = bytes.clone();
      damaged[at] ^= 0x55;
      try {
        TreesFile.read(damaged, "damaged");
      } catch (InvalidInputException e) {
        assertTrue(String.valueOf(e.getMessage()).startsWith("damaged"), e.getMessage());
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          xgboost-two.json   | "name":"gbtree"          | "name":"dart"           | booster 'dart'
          xgboost-two.json   | binary:logistic          | reg:squarederror        | objective 'reg:squarederror'
          xgboost-two.json   | "num_feature":"4","num_t | "num_feature":"3","num_t | asks for input 3
          xgboost-two.json   | "size_leaf_vector":"1"   | "size_leaf_vector":"3"  | leaves of several numbers
          xgboost-two.json   | "left_children":[1,      | "left_children":[0,     | child 0
          xgboost-two.json   | "left_children":[1,      | "left_children":[2,     | two ways to node 2
          xgboost-two.json   | "left_children":[1,      | "left_children":[999,   | child 999
          xgboost-two.json   | "left_children":[1,      | "left_children":["a",   | left_children' is of another type
          xgboost-two.json   | "tree_info":[0,          | "tree_info":[7,         | adds to output 7
          xgboost-two.json   | "categories":[           | "categories":[-4,       | category -4
          xgboost-two.json   | "categories_segments":[0 | "categories_segments":[9999 | outside its arrays
          lightgbm-two.txt   | objective=binary         | objective=regression    | objective 'regression'
          lightgbm-two.txt   | is_linear=0              | is_linear=1             | linear models
          lightgbm-two.txt   | decision_type=           | decision_type=4 4       | zero_as_missing
          lightgbm-two.txt   | left_child=              | left_child=77           | the child 77
          lightgbm-two.txt   | end of trees             | beginning               | ends too early
          lightgbm-two.txt   | feature_names=           | names=                  | lacks 'feature_names'
          """)
  void treesThatCannotBeUsedAreRefusedInOneSentence(
      String file, String original, String changed, String said) {
    String text = text(file);
    assertTrue(text.contains(original), original);
    String other = text.replace(original, changed);
    var refused =
        assertThrows(
            InvalidInputException.class, () -> TreesFile.read(other.getBytes(UTF_8), "other"));
    assertTrue(String.valueOf(refused.getMessage()).contains(said), refused.getMessage());
    assertTrue(String.valueOf(refused.getMessage()).startsWith("other"), refused.getMessage());
  }

  @Test
  void anotherFileIsRefused() {
    for (String text : List.of("", "PK", "{}", "[1]", "{\"learner\":{}}", "tree\n")) {
      assertThrows(
          InvalidInputException.class, () -> TreesFile.read(text.getBytes(UTF_8), "file"), text);
    }
  }

  @Test
  void aTreeThatIsTooDeepIsRefused() {
    int splits = Tree.MAX_DEPTH + 1;
    Tree.Nodes nodes = new Tree.Nodes(2 * splits + 1);
    Arrays.fill(nodes.left(), Tree.LEAF);
    for (int split = 0; split < splits; split++) {
      nodes.left()[2 * split] = 2 * split + 1;
      nodes.right()[2 * split] = 2 * split + 2;
    }
    var refused = assertThrows(IllegalArgumentException.class, () -> new Tree(0, nodes));
    assertEquals("is deeper than 64 splits", refused.getMessage());
  }

  private static float[] numbers(JsonNode row) {
    float[] numbers = new float[row.size()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = row.get(i).isNull() ? Float.NaN : (float) row.get(i).asDouble();
    }
    return numbers;
  }

  private static String text(String name) {
    return new String(resource(name), UTF_8);
  }

  /** A fixture. */
  public static byte[] resource(String name) {
    try (var stream = TreesFileTest.class.getResourceAsStream(name)) {
      return Objects.requireNonNull(stream, name).readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
