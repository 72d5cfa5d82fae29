package retune.learning;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.SplittableRandom;

/** A table of customers: the older and the more often seen, the likelier to have bought. */
final class MadeTable {
  private MadeTable() {}

  static void write(Path file, int rows, long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder csv = new StringBuilder("age,visits,city,device,bought\n");
    for (int row = 0; row < rows; row++) {
      double age = 40 + 12 * random.nextGaussian();
      double visits = Math.abs(3 * random.nextGaussian());
      String city = "abc".substring(random.nextInt(3)).substring(0, 1);
      String device = random.nextInt(2) == 0 ? "phone" : "desk";
      double score = (age - 40) / 6 + visits + (city.equals("a") ? 1 : 0);
      boolean bought = score + random.nextGaussian() > 4;
      csv.append(
          String.format(
              Locale.ROOT,
              "%.2f,%.2f,%s,%s,%s%n",
              age,
              visits,
              city,
              device,
              bought ? "yes" : "no"));
    }
    Files.writeString(file, csv);
  }

  /** The first column, row by row. */
  static double[] ages(Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .skip(1)
        .mapToDouble(line -> Double.parseDouble(line.substring(0, line.indexOf(','))))
        .toArray();
  }
}
