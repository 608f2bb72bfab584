package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/ioutil"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"zoo/ordinary"
)

// makeTraffic sends so many requests spread over the duration, by a few clients, and returns how
// many were sent. A machine that is too slow gets twice the time and then fewer requests.
func makeTraffic(url string, requests int, during time.Duration) int {
	const clients = 48
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	var sent int64
	var done sync.WaitGroup
	start := time.Now()
	for i := 0; i < clients; i++ {
		c := &shopper{
			http: &http.Client{Transport: transport, Timeout: 10 * time.Second},
			url:  url,
			dice: ordinary.Dice(i),
		}
		done.Add(1)
		go func() {
			defer done.Done()
			for {
				n := atomic.AddInt64(&sent, 1)
				if n > int64(requests) {
					return
				}
				due := time.Duration(float64(during) * float64(n) / float64(requests))
				elapsed := time.Since(start)
				if elapsed > 2*during {
					return
				}
				time.Sleep(due - elapsed)
				c.act(int(n))
			}
		}()
	}
	done.Wait()
	transport.CloseIdleConnections()
	if sent > int64(requests) {
		sent = int64(requests)
	}
	return int(sent)
}

// shopper is one client: it logs in, orders, looks at orders and asks for quotes.
type shopper struct {
	http    *http.Client
	url     string
	dice    ordinary.Dice
	session string
	orders  []uint64
}

func (c *shopper) act(n int) {
	switch {
	case c.session == "" || n%4 == 0:
		c.login(n)
	case n%8 == 1:
		c.impatientQuote()
	case n%64 == 3:
		c.get(context.Background(), "/quote?sku="+sku(c.dice.Below(catalogueSize)))
	case n%2 == 1 && len(c.orders) > 0:
		c.get(context.Background(), "/orders/"+strconv.FormatUint(c.orders[c.dice.Below(len(c.orders))], 10))
	default:
		c.order(n)
	}
}

func (c *shopper) login(n int) {
	var answer struct {
		Session string `json:"session"`
	}
	c.post("/login", map[string]interface{}{
		"user": ordinary.Mail(c.dice.Roll() % 2000),
		"settings": map[string]string{
			"language": "en", "theme": "dark", "last-search": "article number " + strconv.Itoa(n),
		},
	}, &answer)
	c.session = answer.Session
}

func (c *shopper) order(n int) {
	lines := make([]map[string]interface{}, 1+c.dice.Below(8))
	for i := range lines {
		lines[i] = map[string]interface{}{"sku": sku(c.dice.Below(catalogueSize)), "quantity": 1 + i%3}
	}
	note := make([]byte, 2000+c.dice.Below(4000))
	for i := range note {
		note[i] = 'a' + byte(i%26)
	}
	var answer struct {
		Number uint64 `json:"number"`
	}
	c.post("/orders", map[string]interface{}{
		"lines": lines,
		"note":  string(note),
		"tags":  map[string]string{"channel": "web", "campaign": "c" + strconv.Itoa(n%50)},
	}, &answer)
	if answer.Number > 0 && len(c.orders) < 500 {
		c.orders = append(c.orders, answer.Number)
	}
}

// impatientQuote gives up long before the supplier answers.
func (c *shopper) impatientQuote() {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Millisecond)
	defer cancel()
	c.get(ctx, "/quote?sku="+sku(c.dice.Below(catalogueSize)))
}

func (c *shopper) post(path string, body, answer interface{}) {
	b, err := json.Marshal(body)
	if err != nil {
		return
	}
	request, err := http.NewRequest("POST", c.url+path, bytes.NewReader(b))
	if err != nil {
		return
	}
	c.send(request, answer)
}

func (c *shopper) get(ctx context.Context, path string) {
	request, err := http.NewRequestWithContext(ctx, "GET", c.url+path, nil)
	if err != nil {
		return
	}
	c.send(request, nil)
}

func (c *shopper) send(request *http.Request, answer interface{}) {
	request.Header.Set("X-Session", c.session)
	request.Header.Set("User-Agent", "Shop/4.2 (Linux; "+strconv.Itoa(c.dice.Below(100))+")")
	response, err := c.http.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if answer != nil {
		json.NewDecoder(response.Body).Decode(answer)
	}
	io.Copy(ioutil.Discard, response.Body)
}
