package retune.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import retune.core.drift.ComparedColumn;
import retune.core.drift.ComparedColumn.Codes;
import retune.core.drift.ComparedColumn.Numbers;
import retune.core.drift.DriftDetector;
import retune.core.drift.DriftReport;

class DriftPageTest {
  private static final int ROWS = 400;

  @Test
  void whatHasDriftedIsDrawnAndTheRestIsInTheTable() {
    String page = page(1, 5, findings(1));
    assertTrue(page.contains("<title>Drift: shop/2026-11-09, detected</title>"), page);
    assertTrue(page.contains("aria-label=\"moved (PSI "), page);
    assertFalse(page.contains("aria-label=\"still"), page);
    assertTrue(page.contains("<td>still &lt;b&gt;</td>"), page);
    assertTrue(page.indexOf("<td>moved</td>") < page.indexOf("<td>still"), page);
    assertTrue(page.contains("2 of the last 5 days that were compared had drift"), page);
    assertTrue(
        page.contains("What kind of change") && page.contains("This looks like label shift."),
        page);
    assertTrue(page.contains("<td>1,234; median of earlier days (5): 400</td>"), page);
    assertFalse(page.contains("<script"), page);
  }

  @Test
  void aQuietDayShowsWhatDiffersMost() {
    String page = page(0, 0, List.of());
    assertTrue(page.contains("Nothing is beyond its limit"), page);
    assertTrue(page.contains("Columns that differ most"), page);
    assertFalse(page.contains("The last days"), page);
  }

  @Test
  void manyFindingsAreCounted() {
    String page = page(1, 0, findings(14));
    assertEquals(10, page.split("class=\"warn\"", -1).length - 1);
    assertTrue(page.contains("And 4 more, see below."), page);
  }

  private static List<String> findings(int count) {
    return Collections.nCopies(count, "moved: more.");
  }

  private static String page(double shift, int days, List<String> findings) {
    Map<String, Object> volume = new TreeMap<>();
    volume.put("rows", 1_234);
    volume.put("earlier_days", days);
    volume.put("median_of_earlier_days", days == 0 ? null : ROWS);
    Map<String, DriftPage.Day> before = new TreeMap<>();
    for (int day = 0; day < days; day++) {
      before.put(
          "2026-11-0" + (day + 1), new DriftPage.Day(day % 2 == 1, Map.of("moved", 0.01 * day)));
    }
    return DriftPage.of(
        report(shift),
        new DriftPage.Facts("shop-1", "shop/2026-11-09", "2026-11-10T01:00:00Z", volume),
        findings,
        "This looks like label shift.",
        List.of("The labels: the batch has 0 labelled rows."),
        before);
  }

  private static DriftReport report(double shift) {
    Random random = new Random(5);
    List<ComparedColumn> columns = new ArrayList<>();
    for (String name : List.of("still <b>", "moved")) {
      float[] reference = new float[ROWS];
      float[] current = new float[ROWS];
      for (int row = 0; row < ROWS; row++) {
        reference[row] = (float) random.nextGaussian();
        current[row] = (float) (random.nextGaussian() + (name.equals("moved") ? shift : 0));
      }
      columns.add(new Numbers(name, reference, current, 0, 1));
    }
    columns.add(
        new Codes(
            "kind",
            List.of("a", "b", "c"),
            random.ints(ROWS, 0, 3).toArray(),
            random.ints(ROWS, 0, 3).toArray()));
    return new DriftDetector(0.01, 0, 199)
        .compare(
            new DriftDetector.Samples(
                columns,
                List.of(),
                null,
                List.of(),
                random.longs(ROWS).toArray(),
                random.longs(ROWS).toArray()));
  }
}
