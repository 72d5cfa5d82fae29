package retune.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.SplittableRandom;

/** Tables with a label that depends on the other columns and on chance. */
public final class MadeTables {
  private MadeTables() {}

  /**
   * Loans: {@code income,debt,grade,label}. The label is 1 for about 40 % of the rows and follows
   * the columns closely.
   */
  public static Path loans(Path file, int rows) throws IOException {
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

  /**
   * Customers: {@code age,visits,city,device,bought}. The older a customer and the more visits, the
   * likelier {@code bought} is {@code yes}.
   */
  public static Path customers(Path file, int rows, long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> lines = new ArrayList<>(List.of("age,visits,city,device,bought"));
    for (int row = 0; row < rows; row++) {
      double age = 40 + 12 * random.nextGaussian();
      double visits = Math.abs(3 * random.nextGaussian());
      String city = "abc".substring(random.nextInt(3)).substring(0, 1);
      String device = random.nextInt(2) == 0 ? "phone" : "desk";
      double score = (age - 40) / 6 + visits + (city.equals("a") ? 1 : 0);
      boolean bought = score + random.nextGaussian() > 4;
      lines.add(
          String.format(
              Locale.ROOT, "%.2f,%.2f,%s,%s,%s", age, visits, city, device, bought ? "yes" : "no"));
    }
    return Files.write(file, lines);
  }
}
