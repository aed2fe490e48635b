package dev.sfumato.examples;

import com.sun.net.httpserver.HttpServer;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

/** Draws for four callers at once, http://localhost:PORT/SEED: DrawingServer MODEL PORT. */
final class DrawingServer {
  public static void main(String[] args) throws Exception {
    DiffusionPipeline pipeline = DiffusionPipeline.load(args[0]); // any number of threads may draw
    HttpServer server = HttpServer.create(new InetSocketAddress(Integer.parseInt(args[1])), 0);
    server.setExecutor(Executors.newFixedThreadPool(4));
    var root = server.createContext("/");
    root.setHandler(
        exchange -> {
          long seed = Long.parseLong(exchange.getRequestURI().getPath().substring(1));
          byte[] png = Png.encode(pipeline.draw(SamplingOptions.defaults().withSeed(seed)).get(0));
          exchange.sendResponseHeaders(200, png.length);
          exchange.getResponseBody().write(png);
          exchange.close();
        });
    server.start();
  }
}
