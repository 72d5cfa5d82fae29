package retune.loop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** A table with a label that its columns explain well, though not wholly. */
public final class MadeTable {
  private MadeTable() {}

  public static Path write(Path file, int rows) throws IOException {
    Random random = new Random(7);
    List<String> lines = new ArrayList<>(List.of("income,debt,grade,label"));
    for (int row = 0; row < rows; row++) {
      double income = random.nextGaussian();
      double debt = random.nextGaussian();
      int grade = random.nextInt(4);
      boolean positive = income - debt + 0.8 * (grade - 1.5) + 0.5 * random.nextGaussian() > 0.5;
      lines.add(
          String.format(
              Locale.ROOT,
              "%.4f,%.4f,%s,%d",
              income,
              debt,
              "ABCD".charAt(grade),
              positive ? 1 : 0));
    }
    return Files.write(file, lines);
  }
}
