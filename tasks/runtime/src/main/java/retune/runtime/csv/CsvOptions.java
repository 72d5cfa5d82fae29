package retune.runtime.csv;

import java.nio.charset.Charset;
import org.jspecify.annotations.Nullable;

/**
 * How a file of delimited text is written; null is found out.
 *
 * @param delimiter the most frequent of {@code , ; tab |} in the header where null
 * @param encoding UTF-8 where null and the whole file is valid UTF-8, otherwise Latin-1
 */
public record CsvOptions(@Nullable Character delimiter, @Nullable Charset encoding) {
  public static final CsvOptions DETECT = new CsvOptions(null, null);
}
