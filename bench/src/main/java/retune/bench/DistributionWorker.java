package retune.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Iterator;
import java.util.Locale;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.distribution.DistributionLearner;
import retune.core.distribution.Drill;
import retune.core.distribution.TableDistribution;
import retune.core.distribution.TableSampler;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvTables;

/**
 * Learns a table's distribution and draws rows from it each time a line {@code ROWS} comes in, and
 * replies with a line of JSON: CPU seconds of this process, collector and compiler included, and
 * wall seconds. Like its peer it has read the table before.
 */
public final class DistributionWorker {
  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private DistributionWorker() {}

  /**
   * Answers requests until there are no more.
   *
   * @param words the table, a CSV file; its target; the target's positive class
   */
  public static void main(String[] words) throws IOException {
    Table table = CsvTables.readAll(Path.of(words[0]), CsvOptions.DETECT);
    Target target = Target.of(table.column(words[1]), words[2]);
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      long cpu = SYSTEM.getProcessCpuTime();
      long start = System.nanoTime();
      int rows = drawn(table, target, Integer.parseInt(line));
      long wall = System.nanoTime() - start;
      cpu = SYSTEM.getProcessCpuTime() - cpu;
      System.out.printf(
          Locale.ROOT,
          "{\"cpu\": %.6f, \"wall\": %.6f, \"rows\": %d}%n",
          cpu / 1e9,
          wall / 1e9,
          rows);
    }
  }

  private static int drawn(Table table, Target target, int rows) {
    TableDistribution distribution = DistributionLearner.learn(table, target, "bench");
    Iterator<Table> blocks =
        new TableSampler(distribution, 0, LocalDate.EPOCH, Drill.NONE).rows(rows);
    int drawn = 0;
    while (blocks.hasNext()) {
      drawn += blocks.next().rows();
    }
    return drawn;
  }
}
