package retune.control;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.control.dashboard.DashboardRoutes;
import retune.control.dashboard.Remembered;
import retune.control.dashboard.Schedule;
import retune.runtime.StepContext;
import retune.runtime.http.Endpoint;
import retune.runtime.http.HttpService;
import retune.runtime.http.Route;
import retune.runtime.http.Tls;
import retune.runtime.http.Tokens;

/** The control service's HTTP server. {@link #start} names all groups of routes. */
final class ControlServer implements AutoCloseable {
  private final HttpService service;
  private final Requests requests;
  private final News news;
  private final LoopRuntime runtime;

  private ControlServer(HttpService service, Requests requests, News news, LoopRuntime runtime) {
    this.service = service;
    this.requests = requests;
    this.news = news;
    this.runtime = runtime;
  }

  /** Starts to accept requests. */
  static ControlServer start(Control.Input input, StepContext context) throws IOException {
    Models models = new Models(context);
    Tokens tokens =
        new Tokens(input.tokenFile() == null ? null : Path.of(input.tokenFile()), context.clock());
    LoopRuntime runtime = runtime(input.runtime(), context);
    Scheduler scheduler = new Scheduler(context, runtime);
    Changes changes = new Changes(context, models, tokens);
    Sessions sessions = new Sessions(tokens, runtime, context.clock());
    Remembered<Schedule> schedules = new Remembered<>(context.clock(), scheduler::schedule);
    Readers readers = new Readers(input.reading(), tokens, sessions);
    Forms forms = new Forms(sessions);
    ChallengerRoutes challenger = new ChallengerRoutes(context, runtime, changes);
    Metrics metrics = new Metrics(context);
    News news = new News(context);
    List<Route> routes = new ArrayList<>();
    Stream.<Route.Group>of(
            new HealthRoutes(context),
            new ModelRoutes(context, models, scheduler),
            new SchedulerRoutes(context, models, scheduler, runtime, changes),
            new SteeringRoutes(context, runtime, changes, challenger),
            challenger,
            new PeopleRoutes(context, runtime, changes),
            new DashboardRoutes(context, sessions::viewer, schedules),
            new LoginRoutes(context, tokens, sessions, forms),
            new ActionRoutes(context, models, changes, schedules, sessions, forms),
            metrics,
            news,
            new IndexRoute(() -> paths(routes)))
        .flatMap(group -> group.routes().stream())
        .map(StoreFailures::explained)
        .map(readers::guarded)
        .forEach(routes::add);
    Requests requests = new Requests(input.host(), context.settings(), metrics);
    return new ControlServer(
        HttpService.start(
            new Endpoint(
                input.host(),
                input.port(),
                Tls.of(input.tlsCert(), input.tlsKey(), context.clock()),
                null,
                null,
                context.settings().logsAccess(true)),
            routes,
            requests,
            context.clock()),
        requests,
        news,
        runtime);
  }

  private static LoopRuntime runtime(Control.@Nullable RuntimeKind asked, StepContext context) {
    Control.RuntimeKind runtime =
        asked != null
            ? asked
            : AirflowApi.isConfigured(context.settings())
                ? Control.RuntimeKind.AIRFLOW
                : Control.RuntimeKind.NONE;
    return switch (runtime) {
      case AIRFLOW -> new AirflowLoops(AirflowApi.of(context.settings()));
      case PROCESS -> new ProcessLoops(context).keepingSchedules();
      case NONE -> new NoLoops();
    };
  }

  private static List<String> paths(List<Route> routes) {
    return routes.stream().map(Route::path).distinct().toList();
  }

  /** The address of the service: {@code http://127.0.0.1:8091}. */
  String address() {
    return service.address();
  }

  /** The number of requests answered so far. */
  long requests() {
    return requests.answered();
  }

  @Override
  public void close() {
    news.close();
    service.close();
    runtime.close();
  }
}
