package dev.sfumato.studio;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds who answers a request. */
final class Routes {
  /** Answers requests of one method and form of path. */
  @FunctionalInterface
  interface Handler {
    /**
     * Answers.
     *
     * @param path whose groups are the variable parts of the path
     */
    Response answer(Request request, Matcher path) throws IOException;
  }

  /**
   * A form of requests.
   *
   * @param method of HTTP
   * @param path of all of them
   */
  record Route(String method, Pattern path, Handler handler) {
    static Route get(String path, Handler handler) {
      return new Route("GET", Pattern.compile(path), handler);
    }

    static Route post(String path, Handler handler) {
      return new Route("POST", Pattern.compile(path), handler);
    }

    static Route delete(String path, Handler handler) {
      return new Route("DELETE", Pattern.compile(path), handler);
    }
  }

  private final List<Route> routes;

  Routes(List<Route> routes) {
    this.routes = List.copyOf(routes);
  }

  /** Answers a request; one that nobody knows with 404. */
  Response answer(Request request) throws IOException {
    for (Route route : routes) {
      Matcher path = route.path().matcher(request.path());
      if (route.method().equals(request.method()) && path.matches()) {
        return route.handler().answer(request, path);
      }
    }
    Optional<Response> file =
        request.method().equals("GET") ? Page.file(request.path()) : Optional.empty();
    return file.orElseGet(() -> Response.error(404, "the studio has no such page"));
  }
}
