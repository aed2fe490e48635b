package dev.sfumato.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A server that speaks as much of MLflow's REST protocol as a training run needs, and, like
 * MLflow's own, refuses to change a parameter and more than 1,000 metrics or 100 parameters at
 * once.
 */
public final class MlflowServer implements AutoCloseable {
  private static final String API = "/api/2.0/mlflow/";
  private static final String ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/";

  final Map<String, String> experiments = new TreeMap<>(Map.of("Default", "0"));
  public final Map<String, LoggedRun> runs = new TreeMap<>();
  public final Map<String, byte[]> artifacts = new ConcurrentHashMap<>();
  final List<Integer> batches = new ArrayList<>();
  volatile String requiredAuthorization;
  volatile boolean isIll;
  private HttpServer http;
  private final int port;

  /** A run as stored by the server. */
  public static final class LoggedRun {
    public String name = "";
    public String status = "RUNNING";
    public final Map<String, String> params = new TreeMap<>();
    public final Map<String, String> tags = new TreeMap<>();
    public final List<String> metrics = new ArrayList<>(); // key@step=value
  }

  /** A server on a free port of this machine. */
  public MlflowServer() throws IOException {
    http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    port = http.getAddress().getPort();
    start();
  }

  private void start() {
    http.createContext("/", this::answer);
    http.start();
  }

  /** Its address. */
  public String uri() {
    return "http://127.0.0.1:" + port;
  }

  private synchronized void answer(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readAllBytes();
    String path = exchange.getRequestURI().getPath();
    String authorization = exchange.getRequestHeaders().getFirst("Authorization");
    if (isIll) {
      reply(exchange, 503, "{\"error_code\": \"TEMPORARILY_UNAVAILABLE\"}");
    } else if (requiredAuthorization != null && !requiredAuthorization.equals(authorization)) {
      reply(exchange, 401, "{\"error_code\": \"UNAUTHENTICATED\"}");
    } else if (path.startsWith(ARTIFACTS) && exchange.getRequestMethod().equals("PUT")) {
      artifacts.put(path.substring(ARTIFACTS.length()), body);
      reply(exchange, 200, "{}");
    } else if (path.startsWith(API)) {
      JsonNode request =
          body.length > 0
              ? JsonFile.MAPPER.readTree(body)
              : query(exchange.getRequestURI().getQuery());
      try {
        reply(exchange, 200, call(path.substring(API.length()), request));
      } catch (IllegalArgumentException e) {
        int status = e.getMessage().startsWith("RESOURCE") ? 404 : 400;
        reply(exchange, status, "{\"error_code\": \"" + e.getMessage() + "\"}");
      }
    } else {
      reply(exchange, 404, "{}");
    }
  }

  private static ObjectNode query(String query) {
    ObjectNode values = JsonFile.MAPPER.createObjectNode();
    for (String pair : query.split("&")) {
      values.put(pair.split("=")[0], pair.split("=")[1]);
    }
    return values;
  }

  private static void reply(HttpExchange exchange, int status, String json) throws IOException {
    byte[] bytes = json.getBytes();
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private String call(String name, JsonNode request) {
    switch (name) {
      case "experiments/get-by-name":
        String experiment = request.get("experiment_name").asText();
        require(experiments.containsKey(experiment), "RESOURCE_DOES_NOT_EXIST");
        return "{\"experiment\": {\"experiment_id\": \"%s\", \"name\": \"%s\"}}"
            .formatted(experiments.get(experiment), experiment);
      case "experiments/create":
        String id = String.valueOf(experiments.size());
        experiments.put(request.get("name").asText(), id);
        return "{\"experiment_id\": \"" + id + "\"}";
      case "runs/create":
        String runId = "run" + runs.size();
        LoggedRun made = new LoggedRun();
        made.name = request.path("run_name").asText();
        runs.put(runId, made);
        return runJson(runId);
      case "runs/get":
        return runJson(request.get("run_id").asText());
      case "runs/update":
        run(request).status = request.get("status").asText();
        return "{}";
      case "runs/log-batch":
        logBatch(run(request), request);
        return "{}";
      default:
        throw new IllegalArgumentException("RESOURCE_NO_SUCH_ENDPOINT " + name);
    }
  }

  private LoggedRun run(JsonNode request) {
    LoggedRun run = runs.get(request.get("run_id").asText());
    require(run != null, "RESOURCE_DOES_NOT_EXIST");
    return run;
  }

  private void logBatch(LoggedRun run, JsonNode request) {
    JsonNode metrics = request.path("metrics");
    require(metrics.size() <= 1000 && request.path("params").size() <= 100, "INVALID_TOO_MANY");
    for (JsonNode param : request.path("params")) {
      String value = param.get("value").asText();
      String before = run.params.putIfAbsent(param.get("key").asText(), value);
      require(before == null || before.equals(value), "INVALID_PARAMETER_VALUE");
    }
    for (JsonNode tag : request.path("tags")) {
      run.tags.put(tag.get("key").asText(), tag.get("value").asText());
    }
    for (JsonNode metric : metrics) {
      run.metrics.add(
          metric.get("key").asText()
              + "@"
              + metric.path("step").asText("0")
              + "="
              + metric.get("value").asDouble());
    }
    if (metrics.size() > 0) {
      batches.add(metrics.size());
    }
  }

  private String runJson(String id) {
    LoggedRun run = runs.get(id);
    require(run != null, "RESOURCE_DOES_NOT_EXIST");
    ObjectNode json = JsonFile.MAPPER.createObjectNode();
    ObjectNode info = json.putObject("run").putObject("info");
    info.put("run_id", id).put("experiment_id", "0").put("status", run.status);
    info.put("artifact_uri", "mlflow-artifacts:/0/" + id + "/artifacts");
    var params = ((ObjectNode) json.get("run")).putObject("data").putArray("params");
    run.params.forEach((key, value) -> params.addObject().put("key", key).put("value", value));
    return json.toString();
  }

  private static void require(boolean holds, String error) {
    if (!holds) {
      throw new IllegalArgumentException(error);
    }
  }

  /** Ends the server; its memory stays. */
  void goAway() {
    http.stop(0);
  }

  void comeBack() {
    try {
      http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    start();
  }

  @Override
  public void close() {
    http.stop(0);
  }
}
