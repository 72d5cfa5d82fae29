package retune.model.trees;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.List;
import retune.core.InvalidInputException;

/**
 * Boosted trees as a library saved them.
 *
 * @param features the names of the inputs, in order; empty if the file has none
 */
public record TreesFile(Forest forest, List<String> features) {
  public TreesFile {
    features = List.copyOf(features);
  }

  /**
   * Reads XGBoost's JSON or UBJ, or LightGBM's text; the first bytes tell which.
   *
   * @param source the file's name, for the message
   * @throws InvalidInputException if the file is of another kind or damaged, or if its trees are
   *     not a classifier that Retune can run
   */
  public static TreesFile read(byte[] bytes, String source) {
    String head = new String(bytes, 0, Math.min(bytes.length, 64), UTF_8);
    if (head.startsWith("tree\n") || head.startsWith("tree\r\n")) {
      return LightgbmFile.read(new String(bytes, UTF_8), source);
    }
    if (head.startsWith("{")) {
      return XgboostFile.read(bytes, source);
    }
    throw new InvalidInputException(
        source
            + " is not a file of boosted trees; give XGBoost's JSON or UBJ (save_model) or"
            + " LightGBM's text (save_model).");
  }
}
