package retune.steps.data;

import com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.distribution.HeldBackTexts;
import retune.core.distribution.TableDistribution;
import retune.model.AtomicFile;
import retune.runtime.Json;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** A learned distribution as JSON, or the texts that days are drawn from. */
public final class DistributionFile {
  /** Writes records by their components and ignores their {@code is…} methods. */
  private static final JsonMapper JSON =
      Json.MAPPER
          .rebuild()
          .changeDefaultVisibility(visibility -> visibility.withIsGetterVisibility(Visibility.NONE))
          .build();

  private DistributionFile() {}

  public static byte[] write(TableDistribution distribution) {
    return JSON.writeValueAsBytes(distribution);
  }

  public static void write(TableDistribution distribution, Path file) throws IOException {
    AtomicFile.write(file, write(distribution));
  }

  /**
   * Reads a distribution.
   *
   * @param source the origin of the bytes, for messages
   */
  public static TableDistribution read(byte[] json, String source) {
    try {
      @Nullable TableDistribution distribution = JSON.readValue(json, TableDistribution.class);
      if (distribution != null) {
        return distribution;
      }
      throw new InvalidInputException(
          source + " is not a distribution but null; create one with learn_distribution.");
    } catch (JacksonException e) {
      String reason =
          e.getCause() instanceof InvalidInputException cause
              ? cause.getMessage()
              : "it is not JSON of the format '" + TableDistribution.FORMAT + "'.";
      throw new InvalidInputException(
          source + " is not a distribution (" + reason + "); create one with learn_distribution.",
          e);
    }
  }

  static byte[] write(HeldBackTexts texts) {
    return JSON.writeValueAsBytes(texts);
  }

  /**
   * Reads texts that days are drawn from.
   *
   * @param model whose days they are, for messages
   */
  static HeldBackTexts readTexts(byte[] json, String model) {
    try {
      return JSON.readValue(json, HeldBackTexts.class);
    } catch (JacksonException e) {
      throw new InvalidInputException(
          "The store's held-back texts of '%s' cannot be read; make the loop again with new_loop."
              .formatted(model),
          e);
    }
  }

  public static TableDistribution read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new InvalidInputException(
          "There is no file '" + file + "'; create a distribution with learn_distribution.");
    }
    return read(Files.readAllBytes(file), "'" + file + "'");
  }
}
