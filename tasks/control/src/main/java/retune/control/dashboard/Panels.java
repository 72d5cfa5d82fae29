package retune.control.dashboard;

import java.time.LocalDate;
import java.util.Map;
import java.util.Optional;

/**
 * What a model's page says of what is around the loop.
 *
 * @param schedule empty where nothing keeps one, or it is not known yet
 * @param queries rows that were predicted, by date, the newest first; empty where none are logged,
 *     or they are not counted yet
 */
record Panels(Optional<Schedule> schedule, Map<LocalDate, Long> queries) {}
