package retune.steps.data;

import com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import retune.core.InvalidInputException;
import retune.core.distribution.TableDistribution;
import retune.model.AtomicFile;
import retune.runtime.Json;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** A learned distribution as JSON. */
public final class DistributionFile {
  /** Records by their components alone: what {@code is…} methods say follows from those. */
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
   * The distribution that the bytes hold.
   *
   * @param source where they come from, for the message
   */
  public static TableDistribution read(byte[] json, String source) {
    try {
      return JSON.readValue(json, TableDistribution.class);
    } catch (JacksonException e) {
      String reason =
          e.getCause() instanceof InvalidInputException cause
              ? cause.getMessage()
              : "it is no JSON of format '" + TableDistribution.FORMAT + "'.";
      throw new InvalidInputException(
          source + " holds no distribution, learn one with learn_distribution: " + reason, e);
    }
  }

  public static TableDistribution read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new InvalidInputException(
          "There is no file '" + file + "'; learn a distribution with learn_distribution.");
    }
    return read(Files.readAllBytes(file), "'" + file + "'");
  }
}
